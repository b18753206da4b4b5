import { FileInput, History, Minus, Pencil, Plus, SquarePlus, Table2, Trash2 } from 'lucide-react'
import type { KeyboardEvent, ReactNode } from 'react'
import type { HistoryEntry, HistoryKind } from '../../../contract/index.ts'
import type { Past } from '../../state/past.ts'
import { clock, entryWords } from '../../state/words.ts'
import { cx } from '../../ui/controls.tsx'
import styles from './history.module.css'

const ICONS: Record<HistoryKind, ReactNode> = {
  create: <SquarePlus size={15} />,
  drop: <Trash2 size={15} />,
  import: <FileInput size={15} />,
  add: <Plus size={15} />,
  edit: <Pencil size={15} />,
  delete: <Minus size={15} />,
  revert: <History size={15} />,
  columns: <Table2 size={15} />,
}

interface LineProps {
  entry: HistoryEntry
  past: Past
  /** Whether the collection is told. */
  named: boolean
  chosen: boolean
  onChoose: () => void
}

export function Line({ entry, past, named, chosen, onChoose }: LineProps) {
  return (
    <button
      type="button"
      className={cx(styles.line, chosen && styles.chosen, entry.undone && styles.undone)}
      aria-current={chosen}
      data-change={entry.seq}
      data-undone={entry.undone || undefined}
      onClick={onChoose}
      onKeyDown={walk}
    >
      <time className={styles.time} dateTime={new Date(entry.at).toISOString()}>
        {clock(entry.at)}
      </time>
      <span className={styles.icon} aria-hidden="true">
        {ICONS[entry.kind]}
      </span>
      <span className={styles.words}>{entryWords(entry, past)}</span>
      {entry.undone && <span className={styles.mark}>taken back</span>}
      {named && <span className={styles.where}>{entry.collection}</span>}
    </button>
  )
}

/** Arrows go from change to change. */
function walk(event: KeyboardEvent<HTMLButtonElement>): void {
  const step = event.key === 'ArrowDown' ? 1 : event.key === 'ArrowUp' ? -1 : 0
  if (step === 0) return
  event.preventDefault()
  const lines = [
    ...(event.currentTarget.closest('[data-days]')?.querySelectorAll('button[data-change]') ?? []),
  ]
  const next = lines[lines.indexOf(event.currentTarget) + step]
  if (next instanceof HTMLElement) {
    next.focus()
    next.click()
  }
}
