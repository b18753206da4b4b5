import { Popover } from '@base-ui/react/popover'
import { UnfoldHorizontal } from 'lucide-react'
import { useId, useState } from 'react'
import type { MapInfo } from '../../../contract/index.ts'
import styles from './map.module.css'

/** Another distance between points on the same neighbours: the map moves from where it is. */
export function Spacing({ info, onSpace }: { info: MapInfo; onSpace: (minDist: number) => void }) {
  const [value, setValue] = useState<number | null>(null)
  const id = useId()
  const shown = value ?? info.params.minDist
  const commit = (): void => {
    if (value !== null && value !== info.params.minDist) onSpace(value)
    setValue(null)
  }
  return (
    <Popover.Root>
      <Popover.Trigger
        render={
          <button type="button" className={styles.quietButton}>
            <UnfoldHorizontal size={14} aria-hidden="true" />
            <span className={styles.toolLabel}>Spacing</span>
          </button>
        }
      />
      <Popover.Portal>
        <Popover.Positioner sideOffset={6} align="start" collisionPadding={8} style={{ zIndex: 50 }}>
          <Popover.Popup className={styles.popover}>
            <div className={styles.spacing}>
              <label htmlFor={id}>Minimum distance</label>
              <output htmlFor={id}>{shown.toFixed(2)}</output>
              <input
                id={id}
                type="range"
                min={0}
                max={1}
                step={0.01}
                value={shown}
                onChange={(event) => setValue(Number(event.target.value))}
                onPointerUp={commit}
                onKeyUp={commit}
                onBlur={commit}
              />
              <p className={styles.formHint}>
                Small packs what belongs together, large spreads it evenly. The neighbours stay the same, so
                the map only moves.
              </p>
            </div>
          </Popover.Popup>
        </Popover.Positioner>
      </Popover.Portal>
    </Popover.Root>
  )
}
