import { Popover } from '@base-ui/react/popover'
import { useQuery } from '@tanstack/react-query'
import { type FormEvent, useId, useRef, useState } from 'react'
import { type AppError, type CollectionInfo, LIMITS } from '../../../contract/index.ts'
import { currentSource } from '../../state/actions.ts'
import { problemOf, setColumn } from '../../state/changes.ts'
import { type Tagging, useView } from '../../state/view.ts'
import { Button } from '../../ui/controls.tsx'
import { counted } from '../../ui/format.ts'
import { ErrorNote } from '../../ui/pieces.tsx'
import { Suggest } from '../../ui/Suggest.tsx'
import { columnProblem, firstColumn, lastColumn, rememberColumn, tagColumns } from './choose.ts'
import styles from './tag.module.css'
import { valuesOf } from './values.ts'

/** One value for many rows: a column, new or not, and what these rows get in it. */
export function TagPopover({ collection }: { collection: CollectionInfo }) {
  const tagging = useView((view) => view.tagging)
  const value = useRef<HTMLInputElement>(null)
  if (!tagging) return null
  const close = () => useView.getState().setTagging(null)
  return (
    <Popover.Root open onOpenChange={(open) => !open && close()}>
      <Popover.Portal>
        <Popover.Positioner
          anchor={tagging.anchor}
          side="bottom"
          align="end"
          sideOffset={10}
          collisionPadding={8}
          style={{ zIndex: 50 }}
        >
          <Popover.Popup className={styles.popover} initialFocus={value} finalFocus={false}>
            <Popover.Title className={styles.title}>Tag {counted(tagging.rows.length, 'row')}</Popover.Title>
            <Form tagging={tagging} collection={collection} valueRef={value} onDone={close} />
          </Popover.Popup>
        </Popover.Positioner>
      </Popover.Portal>
    </Popover.Root>
  )
}

interface FormProps {
  tagging: Tagging
  collection: CollectionInfo
  valueRef: React.RefObject<HTMLInputElement | null>
  onDone: () => void
}

function Form({ tagging, collection, valueRef, onDone }: FormProps) {
  const [column, setColumnName] = useState(() => firstColumn(collection, lastColumn()))
  const [value, setValue] = useState('')
  const [error, setError] = useState<AppError | null>(null)
  const [busy, setBusy] = useState(false)
  const id = useId()
  const name = column.trim()
  const source = currentSource()
  const known = collection.columns.some((one) => one.name === name)
  const problem = columnProblem(collection, name)
  const values = useQuery({
    queryKey: ['data', source?.store, source?.collection, source?.revision, 'tags', name],
    queryFn: () => (source ? valuesOf(source, name) : []),
    enabled: source !== null && known && problem === null,
  })

  async function set(next: string | null) {
    setBusy(true)
    setError(null)
    try {
      await setColumn(tagging.rows, name, next)
      rememberColumn(name)
      onDone()
    } catch (thrown) {
      setError(problemOf(thrown))
    } finally {
      setBusy(false)
    }
  }

  function submit(event: FormEvent) {
    event.preventDefault()
    if (problem === null && value.trim() !== '' && !busy) void set(value.trim())
  }

  return (
    <form className={styles.form} onSubmit={submit} noValidate>
      <span className={styles.label}>Column</span>
      <Suggest
        label="Column"
        value={column}
        options={tagColumns(collection)}
        onChange={setColumnName}
        maxLength={LIMITS.nameCharsMax}
        invalid={problem !== null}
        describedBy={`${id}-note`}
      />
      <span className={styles.label}>Value</span>
      <Suggest
        inputRef={valueRef}
        label="Value"
        value={value}
        options={values.data ?? []}
        onChange={setValue}
        placeholder="animals"
      />
      <p id={`${id}-note`} className={problem ? styles.problem : styles.note}>
        {problem ?? (known ? '' : name === '' ? '' : `A new column, ${name}, is made.`)}
      </p>
      {error && (
        <div className={styles.error}>
          <ErrorNote error={error} />
        </div>
      )}
      <div className={styles.foot}>
        <Button
          look="quiet"
          disabled={!known || problem !== null || busy}
          onClick={() => void set(null)}
          title={known ? `Take the value of ${name} away from these rows` : undefined}
        >
          Clear
        </Button>
        <Button look="primary" type="submit" disabled={problem !== null || value.trim() === '' || busy}>
          Apply
        </Button>
      </div>
    </form>
  )
}
