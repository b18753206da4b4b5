import { useQuery } from '@tanstack/react-query'
import { Braces, Gauge, Play, X } from 'lucide-react'
import { type ClipboardEvent, type KeyboardEvent, useEffect, useRef, useState } from 'react'
import { AppError, type CollectionInfo, LIMITS } from '../../../contract/index.ts'
import { checkQuery } from '../../client/queries.ts'
import { addNear, applyFilter, currentSource, runSearch, searchIn } from '../../state/actions.ts'
import { vectorColumn } from '../../state/near.ts'
import { type Near, useView } from '../../state/view.ts'
import { Button, cx, IconButton, Menu, Select, TextField, Tip } from '../../ui/controls.tsx'
import { count, metricName } from '../../ui/format.ts'
import { ErrorNote, VectorPicture } from '../../ui/pieces.tsx'
import { parseVector } from '../../ui/vector.ts'
import styles from './query.module.css'

/** Milliseconds of rest before a filter is checked. */
const CHECK_AFTER_MS = 250

/** The one line that asks: near to what, where, how many, how hard to look. */
export function QueryBar({ collection }: { collection: CollectionInfo }) {
  const search = useView((view) => view.search)
  const applied = useView((view) => view.filter)
  const matching = useView((view) => view.matching)
  const [near, setNear] = useState('')
  const [nearProblem, setNearProblem] = useState<string | null>(null)
  const [where, setWhere] = useState(applied)
  const [whereError, setWhereError] = useState<AppError | null>(null)
  useEffect(() => setWhere(applied), [applied])
  const setSearch = useView((view) => view.setSearch)

  async function commitNear(text: string) {
    if (text.trim() === '') return
    try {
      const problem = await addNear(text)
      setNearProblem(problem)
      if (problem === null) setNear('')
    } catch (thrown) {
      setNearProblem(AppError.from(thrown).message)
    }
  }

  async function commitWhere() {
    try {
      setWhereError(null)
      await applyFilter(where)
    } catch (thrown) {
      setWhereError(AppError.from(thrown))
    }
  }

  async function run() {
    if (where.trim() !== applied) await commitWhere()
    if (near.trim() !== '') await commitNear(near)
    else if (where.trim() === applied) await runSearch()
  }

  return (
    <form
      className={styles.bar}
      aria-label="Query"
      onSubmit={(event) => {
        event.preventDefault()
        void run()
      }}
    >
      <NearField
        collection={collection}
        text={near}
        problem={nearProblem}
        onText={(text) => {
          setNear(text)
          setNearProblem(null)
        }}
        onCommit={(text) => void commitNear(text)}
      />
      {collection.vectors.length > 1 && (
        <Select
          bare
          label="Vectors to search in"
          className={styles.vectors}
          value={vectorColumn(collection, search.vector)?.name ?? ''}
          options={collection.vectors.map(({ name, dimension, metric }) => ({
            value: name,
            label: name,
            hint: `${dimension}-d · ${metricName(metric)}`,
          }))}
          onChange={(name) => void searchIn(name)}
        />
      )}
      <WhereField
        collection={collection}
        text={where}
        applied={applied}
        matching={matching?.length ?? null}
        error={whereError}
        onText={(text) => {
          setWhere(text)
          setWhereError(null)
        }}
        onCommit={() => void commitWhere()}
      />
      <Count
        label="k"
        name="Number of neighbours"
        tip="k: how many neighbours to find"
        value={search.k}
        max={LIMITS.kMax}
        onChange={(k) => k !== null && setSearch({ k })}
      />
      <Count
        label="ef"
        name="ef: partitions that an indexed search looks at"
        tip="ef: partitions of the index that a search looks at. More finds better and takes longer; empty is automatic"
        value={search.ef}
        placeholder="auto"
        disabled={search.exact}
        max={LIMITS.efMax}
        onChange={(ef) => setSearch({ ef })}
      />
      <IconButton
        small
        label="What each precision gives"
        onClick={() => useView.getState().setDialog({ kind: 'tune' })}
      >
        <Gauge size={14} />
      </IconButton>
      <Select
        bare
        label="How to search"
        value={search.exact ? 'exact' : 'indexed'}
        options={[
          { value: 'indexed', label: 'Indexed', hint: 'fast' },
          { value: 'exact', label: 'Exact', hint: 'compares every row' },
        ]}
        onChange={(mode) => setSearch({ exact: mode === 'exact' })}
      />
      <Tip label="Search" keys="Enter">
        <Button look="primary" type="submit">
          <Play size={12} fill="currentColor" aria-hidden="true" /> Run
        </Button>
      </Tip>
    </form>
  )
}

interface NearProps {
  collection: CollectionInfo
  text: string
  problem: string | null
  onText: (text: string) => void
  onCommit: (text: string) => void
}

function NearField({ collection, text, problem, onText, onCommit }: NearProps) {
  const { near, vector } = useView((view) => view.search)
  const dimension = vectorColumn(collection, vector)?.dimension ?? null
  const remove = (index: number) => void runSearch(near.filter((_, i) => i !== index))

  function pasted(event: ClipboardEvent<HTMLInputElement>) {
    const clip = event.clipboardData.getData('text/plain')
    // A pasted vector is never shown as a wall of numbers.
    if (parseVector(clip, dimension).kind === 'other') return
    event.preventDefault()
    onCommit(clip)
  }

  function pressed(event: KeyboardEvent<HTMLInputElement>) {
    if (event.key === 'Backspace' && text === '' && near.length > 0) remove(near.length - 1)
    if (event.key === 'Escape' && (text !== '' || problem)) {
      event.stopPropagation()
      onText('')
    } else if (event.key === 'Escape') {
      event.currentTarget.blur()
    }
  }

  return (
    <div className={cx(styles.group, styles.near)}>
      <label className={styles.label} htmlFor="query-near">
        Near
      </label>
      <div className={cx(styles.well, problem !== null && styles.wrong)}>
        {near.map((one, i) => (
          <Chip
            key={`${one.by} ${one.label} ${one.by === 'vector' ? i : ''}`}
            near={one}
            onRemove={() => remove(i)}
          />
        ))}
        <input
          id="query-near"
          data-query
          className={styles.input}
          value={text}
          spellCheck={false}
          autoComplete="off"
          placeholder={near.length === 0 ? 'An id, or paste a vector' : 'and…'}
          aria-invalid={problem !== null}
          aria-describedby={problem === null ? undefined : 'query-near-problem'}
          onChange={(event) => onText(event.target.value)}
          onPaste={pasted}
          onKeyDown={pressed}
        />
      </div>
      {problem !== null && (
        <div className={styles.note} id="query-near-problem">
          <ErrorNote error={new AppError({ code: 'INVALID_VECTOR', message: problem })} />
        </div>
      )}
    </div>
  )
}

function Chip({ near, onRemove }: { near: Near; onRemove: () => void }) {
  return (
    <span className={styles.chip} title={near.label}>
      {near.by === 'vector' && <VectorPicture vector={near.vector} height={14} />}
      <span>{near.by === 'vector' ? 'vector' : near.label}</span>
      <button
        type="button"
        className={styles.chipOff}
        aria-label={`Take ${near.label} out`}
        onClick={onRemove}
      >
        <X size={12} aria-hidden="true" />
      </button>
    </span>
  )
}

interface WhereProps {
  collection: CollectionInfo
  text: string
  applied: string
  /** Rows of the applied filter; null: no filter. */
  matching: number | null
  error: AppError | null
  onText: (text: string) => void
  onCommit: () => void
}

function WhereField({ collection, text, applied, matching, error, onText, onCommit }: WhereProps) {
  const input = useRef<HTMLInputElement>(null)
  const resting = useResting(text.trim(), CHECK_AFTER_MS)
  const source = currentSource()
  const check = useQuery({
    ...checkQuery(source ?? { store: '', collection: '', revision: 0 }, resting),
    enabled: source !== null && resting !== '' && resting !== applied,
  })
  const current = resting === text.trim()
  const problem = error ?? (current && check.error && resting !== '' ? AppError.from(check.error) : null)

  function insert(column: string) {
    const name = /^[a-z_][a-z0-9_]*$/.test(column) ? column : `"${column.replaceAll('"', '""')}"`
    const at = input.current?.selectionStart ?? text.length
    const before = text.slice(0, at)
    onText(`${before}${before === '' || before.endsWith(' ') ? '' : ' '}${name} ${text.slice(at)}`)
    input.current?.focus()
  }

  return (
    <div className={cx(styles.group, styles.where)}>
      <label className={styles.label} htmlFor="query-where">
        Where
      </label>
      <div className={cx(styles.well, problem !== null && styles.wrong)}>
        <input
          ref={input}
          id="query-where"
          className={cx(styles.input, 'mono')}
          value={text}
          spellCheck={false}
          autoComplete="off"
          maxLength={LIMITS.filterCharsMax}
          placeholder={exampleFilter(collection)}
          aria-invalid={problem !== null}
          aria-describedby={problem === null ? undefined : 'query-where-problem'}
          onChange={(event) => onText(event.target.value)}
          onKeyDown={(event) => {
            if (event.key === 'Enter') {
              event.preventDefault()
              onCommit()
            }
            if (event.key === 'Escape' && text !== applied) {
              event.stopPropagation()
              onText(applied)
            } else if (event.key === 'Escape') {
              event.currentTarget.blur()
            }
          }}
        />
        {matching !== null && text.trim() === applied && (
          <span className={styles.matched}>{count(matching)} match</span>
        )}
        {applied !== '' && (
          <IconButton
            small
            label="Take the filter off"
            onClick={() => {
              onText('')
              void applyFilter('')
            }}
          >
            <X size={14} />
          </IconButton>
        )}
        <Menu
          align="end"
          trigger={
            <button
              type="button"
              aria-label="Insert a column"
              title="Insert a column"
              className={styles.chipOff}
            >
              <Braces size={13} aria-hidden="true" />
            </button>
          }
          groups={[
            {
              label: 'Columns',
              entries: columnsOf(collection).map(({ name, type }) => ({
                label: name,
                hint: type,
                run: () => insert(name),
              })),
            },
          ]}
        />
      </div>
      {problem && (
        <div className={styles.note} id="query-where-problem">
          <ErrorNote error={problem} />
        </div>
      )}
    </div>
  )
}

function columnsOf(collection: CollectionInfo): { name: string; type: string }[] {
  const { id, columns } = collection
  const rest = columns.filter((column) => column.type !== 'vector')
  if (id.type === 'rownumber' || rest.some((column) => column.name === id.column)) return rest
  return [{ name: id.column, type: id.type }, ...rest]
}

function exampleFilter(collection: CollectionInfo): string {
  const number = collection.columns.find((column) => column.type === 'int' || column.type === 'float')
  if (number) return `${number.name} < 100`
  const text = collection.columns.find((column) => column.type === 'text')
  return text ? `${text.name} like 'a%'` : 'SQL condition'
}

/** The value once it has not changed for `wait` milliseconds. */
function useResting<T>(value: T, wait: number): T {
  const [resting, setResting] = useState(value)
  useEffect(() => {
    const timer = setTimeout(() => setResting(value), wait)
    return () => clearTimeout(timer)
  }, [value, wait])
  return resting
}

interface CountProps {
  label: string
  name: string
  tip: string
  value: number | null
  max: number
  placeholder?: string
  disabled?: boolean
  /** null: emptied. */
  onChange: (value: number | null) => void
}

function Count({ label, name, tip, value, max, placeholder, disabled, onChange }: CountProps) {
  const [text, setText] = useState(value === null ? '' : String(value))
  useEffect(() => setText(value === null ? '' : String(value)), [value])
  const number = Number(text)
  const valid = text === '' ? placeholder !== undefined : /^\d+$/.test(text) && number >= 1 && number <= max
  return (
    <div className={cx(styles.group, styles.small)}>
      <span className={styles.label} aria-hidden="true">
        {label}
      </span>
      <Tip label={valid ? tip : `A whole number from 1 to ${count(max)}`}>
        <TextField
          aria-label={name}
          aria-invalid={!valid}
          inputMode="numeric"
          className={styles.number}
          disabled={disabled}
          placeholder={placeholder}
          value={text}
          onChange={(event) => {
            const next = event.target.value
            setText(next)
            if (next === '' && placeholder !== undefined) onChange(null)
            if (/^\d+$/.test(next) && Number(next) >= 1 && Number(next) <= max) onChange(Number(next))
          }}
          onBlur={() => !valid && setText(value === null ? '' : String(value))}
        />
      </Tip>
    </div>
  )
}
