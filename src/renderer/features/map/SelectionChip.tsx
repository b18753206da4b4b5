import { Tag, X } from 'lucide-react'
import { NO_ROWS } from '../../state/rows.ts'
import { useView, useWhyNot } from '../../state/view.ts'
import { Button, IconButton } from '../../ui/controls.tsx'
import { count } from '../../ui/format.ts'
import styles from './map.module.css'

/** What was drawn around, where the eye is: how many, and what can be done with them. */
export function SelectionChip() {
  const selection = useView((view) => view.selection)
  const why = useWhyNot()
  if (selection.length < 2) return null
  const { select, setTagging } = useView.getState()
  return (
    <div className={styles.chip} data-float>
      <span className={styles.chipText}>{count(selection.length)} selected</span>
      <Button
        look="quiet"
        why={why}
        side="top"
        data-tag-anchor="map"
        onClick={(event) => setTagging({ rows: selection, anchor: event.currentTarget })}
      >
        <Tag size={13} aria-hidden="true" /> Tag…
      </Button>
      <IconButton small label="Clear the selection" keys="Escape" side="top" onClick={() => select(NO_ROWS)}>
        <X size={13} />
      </IconButton>
    </div>
  )
}
