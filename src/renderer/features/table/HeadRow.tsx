import { ArrowDown, ArrowUp } from 'lucide-react'
import { type KeyboardEvent, type MouseEvent, type PointerEvent, useState } from 'react'
import type { SortKey } from '../../../contract/index.ts'
import { useView } from '../../state/view.ts'
import { cx, Tip } from '../../ui/controls.tsx'
import { type TableColumn, WIDTH_MAX, WIDTH_MIN } from './columns.ts'
import styles from './table.module.css'

interface Props {
  columns: TableColumn[]
  gutter: number
  onResize: (name: string, width: number, done: boolean) => void
}

/** Names of the columns. A click sorts up, then down, then not; with Shift it adds to the sort. */
export function HeadRow({ columns, gutter, onResize }: Props) {
  const sort = useView((view) => view.sort)
  return (
    // biome-ignore lint/a11y/useSemanticElements lint/a11y/useFocusableInteractive: its buttons take the focus
    <div className={styles.head} role="row" aria-rowindex={1}>
      <div className={styles.corner} style={{ width: gutter }} role="presentation" />
      {columns.map((column) => {
        const at = sort.findIndex((key) => key.column === column.name)
        const key = sort[at]
        return (
          // biome-ignore lint/a11y/useSemanticElements lint/a11y/useFocusableInteractive: its button takes the focus
          <div
            key={column.name}
            className={styles.headCell}
            role="columnheader"
            aria-sort={key ? (key.descending ? 'descending' : 'ascending') : 'none'}
            style={{ width: column.width }}
          >
            <Tip label={`Sort by ${column.name}${column.type === 'id' ? ' (the id)' : `, ${column.type}`}`}>
              <button
                type="button"
                className={cx(styles.sort, column.numeric && styles.sortRight)}
                onClick={(event) => useView.getState().setSort(nextSort(sort, column.name, event))}
              >
                <span>{column.name}</span>
                {key && (key.descending ? <ArrowDown size={12} /> : <ArrowUp size={12} />)}
                {key && sort.length > 1 && <small>{at + 1}</small>}
              </button>
            </Tip>
            <Grip column={column} onResize={onResize} />
          </div>
        )
      })}
    </div>
  )
}

/** Keys of a sort at most; the contract allows eight. */
const SORT_MAX = 8

export function nextSort(
  sort: readonly SortKey[],
  column: string,
  { shiftKey }: Pick<MouseEvent, 'shiftKey'>,
): SortKey[] {
  const now = sort.find((key) => key.column === column)
  const next: SortKey[] = now
    ? now.descending
      ? []
      : [{ column, descending: true }]
    : [{ column, descending: false }]
  if (!shiftKey) return next
  if (!now) return [...sort, ...next].slice(0, SORT_MAX)
  return sort.flatMap((key) => (key.column === column ? next : [key]))
}

function Grip({ column, onResize }: { column: TableColumn; onResize: Props['onResize'] }) {
  const [from, setFrom] = useState<{ x: number; width: number } | null>(null)
  const clamp = (width: number) => Math.round(Math.min(WIDTH_MAX, Math.max(WIDTH_MIN, width)))
  const widthAt = (event: PointerEvent) => (from ? clamp(from.width + event.clientX - from.x) : column.width)
  return (
    // biome-ignore lint/a11y/useSemanticElements: a separator with a value, not a rule between texts
    <div
      className={cx(styles.grip, from !== null && styles.gripping)}
      role="separator"
      aria-orientation="vertical"
      aria-label={`Width of ${column.name}`}
      aria-valuenow={column.width}
      aria-valuemin={WIDTH_MIN}
      aria-valuemax={WIDTH_MAX}
      tabIndex={0}
      onPointerDown={(event) => {
        event.currentTarget.setPointerCapture(event.pointerId)
        setFrom({ x: event.clientX, width: column.width })
      }}
      onPointerMove={(event) => from && onResize(column.name, widthAt(event), false)}
      onPointerUp={(event) => {
        if (from) onResize(column.name, widthAt(event), true)
        setFrom(null)
      }}
      onPointerCancel={() => setFrom(null)}
      onKeyDown={(event: KeyboardEvent) => {
        const step = event.key === 'ArrowRight' ? 16 : event.key === 'ArrowLeft' ? -16 : 0
        if (step === 0) return
        event.preventDefault()
        event.stopPropagation()
        onResize(column.name, clamp(column.width + step), true)
      }}
    />
  )
}
