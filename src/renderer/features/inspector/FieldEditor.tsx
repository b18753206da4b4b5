import { CircleSlash } from 'lucide-react'
import { type FocusEvent, type KeyboardEvent, useEffect, useRef, useState } from 'react'
import type { Cell, ColumnType } from '../../../contract/index.ts'
import { type NewCell, problemOf, setCell } from '../../state/changes.ts'
import { IconButton, Segments } from '../../ui/controls.tsx'
import { readCell, typedText } from './cells.ts'
import styles from './inspector.module.css'

interface FieldEditorProps {
  row: number
  column: string
  type: ColumnType
  value: Cell
  onLeave: () => void
}

/** Characters from which a text gets several lines. */
const LONG = 40

/** A cell while it is changed: Enter saves, Esc leaves it as it was, and so does going elsewhere with nothing typed. */
export function FieldEditor({ row, column, type, value, onLeave }: FieldEditorProps) {
  const first = typedText(value)
  const [text, setText] = useState(first)
  const [problem, setProblem] = useState<string | null>(null)
  const [busy, setBusy] = useState(false)
  const frame = useRef<HTMLDivElement>(null)
  useEffect(() => {
    // The double click selected the text that stood here.
    window.getSelection()?.removeAllRanges()
    const field = frame.current?.querySelector<HTMLElement>('input, textarea, [data-pressed], button')
    field?.focus()
    if (field instanceof HTMLInputElement || field instanceof HTMLTextAreaElement) field.select()
  }, [])

  async function save(next: NewCell) {
    if (next === value) return onLeave()
    setBusy(true)
    try {
      await setCell(row, column, next)
      onLeave()
    } catch (thrown) {
      setProblem(problemOf(thrown).message)
      setBusy(false)
    }
  }

  function commit() {
    if (busy) return
    const read = readCell(type, text)
    if ('problem' in read) setProblem(read.problem)
    else void save(read.value)
  }

  function pressed(event: KeyboardEvent) {
    if (event.key === 'Escape') {
      event.preventDefault()
      event.stopPropagation()
      onLeave()
    } else if (event.key === 'Enter' && !event.shiftKey && type !== 'bool') {
      event.preventDefault()
      commit()
    }
  }

  function left(event: FocusEvent) {
    if (event.currentTarget.contains(event.relatedTarget) || busy) return
    if (type === 'bool' || text === first) onLeave()
    else commit()
  }

  const field = {
    'aria-label': column,
    'aria-invalid': problem !== null,
    value: text,
    spellCheck: false,
    disabled: busy,
    onChange: (event: { target: { value: string } }) => {
      setText(event.target.value)
      setProblem(null)
    },
  }
  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: it only hears the keys of the fields inside
    <div ref={frame} className={styles.editor} data-editing={column} onKeyDown={pressed} onBlur={left}>
      {type === 'bool' ? (
        <span className={styles.truth}>
          <Segments
            label={column}
            value={first}
            options={[
              { value: 'true', label: 'true' },
              { value: 'false', label: 'false' },
            ]}
            onChange={(next) => void save(next === 'true')}
          />
        </span>
      ) : type === 'text' && (first.length > LONG || first.includes('\n')) ? (
        <textarea rows={Math.min(8, Math.ceil(first.length / 28) + 1)} className={styles.area} {...field} />
      ) : (
        <input
          type="text"
          inputMode={type === 'int' || type === 'float' ? 'decimal' : undefined}
          autoComplete="off"
          className={styles.input}
          {...field}
        />
      )}
      <IconButton small label="Leave it without a value" disabled={busy} onClick={() => void save(null)}>
        <CircleSlash size={13} />
      </IconButton>
      <p className={problem ? styles.editProblem : styles.editHint} role={problem ? 'alert' : undefined}>
        {problem ?? (type === 'bool' ? 'Esc leaves' : 'Enter saves · Esc leaves')}
      </p>
    </div>
  )
}
