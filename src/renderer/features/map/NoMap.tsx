import { Map as MapIcon } from 'lucide-react'
import type { MapInfo } from '../../../contract/index.ts'
import { Button } from '../../ui/controls.tsx'
import { counted } from '../../ui/format.ts'
import { Empty } from '../../ui/pieces.tsx'
import { DEFAULT_REQUEST, DrawPopover, type DrawRequest } from './DrawPopover.tsx'
import styles from './map.module.css'

interface NoMapProps {
  /** Of the collection. */
  rows: number
  /** Of the map that would be drawn. */
  name: string
  /** Why none can be drawn; null where one can. */
  why: string | null
  /** Those that there are. */
  maps: readonly MapInfo[]
  onDraw: (request: DrawRequest) => void
}

/** In the place of a map that is not there yet. */
export function NoMap({ rows, name, why, maps, onDraw }: NoMapProps) {
  const actions = (
    <>
      <Button look="primary" why={why} onClick={() => onDraw(DEFAULT_REQUEST)}>
        Draw map
      </Button>
      {why === null && (
        <DrawPopover
          saved={null}
          name={name}
          maps={maps}
          onDraw={onDraw}
          trigger={
            <button type="button" className={styles.quietButton}>
              Parameters
            </button>
          }
        />
      )}
    </>
  )
  return (
    <div className={styles.empty}>
      <Empty
        icon={<MapIcon size={28} strokeWidth={1.5} aria-hidden="true" />}
        title={rows > 0 ? 'No map yet' : 'Nothing to draw yet'}
        action={rows > 0 && actions}
      >
        {rows > 0
          ? `A map puts the ${counted(rows, 'row')} on a plane so that near vectors lie together.`
          : 'Import rows, and they can be drawn as a map.'}
      </Empty>
    </div>
  )
}
