import { Scan, X } from 'lucide-react'
import type { CollectionInfo } from '../../../contract/index.ts'
import { useView } from '../../state/view.ts'
import { IconButton, Select } from '../../ui/controls.tsx'
import styles from './map.module.css'
import { mapOptions } from './options.ts'

interface BesideBarProps {
  collection: CollectionInfo
  name: string
  onFit: () => void
}

/** Which map is beside, and the way to put it away. */
export function BesideBar({ collection, name, onFit }: BesideBarProps) {
  return (
    <>
      <div className={styles.left} data-float>
        <Select
          label="Map beside"
          value={name}
          options={mapOptions(collection, name)}
          onChange={(next) => useView.getState().setBeside(next)}
          className={styles.colourBy}
        />
      </div>
      <div className={styles.right} data-float>
        <IconButton label="Show the whole map" onClick={onFit}>
          <Scan size={15} aria-hidden="true" />
        </IconButton>
        <IconButton label="Put this map away" onClick={() => useView.getState().setBeside(null)}>
          <X size={15} aria-hidden="true" />
        </IconButton>
      </div>
    </>
  )
}
