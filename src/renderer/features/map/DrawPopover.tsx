import { Popover } from '@base-ui/react/popover'
import { type FormEvent, type ReactElement, useId, useState } from 'react'
import * as v from 'valibot'
import {
  defaultEpochs,
  type MapInfo,
  MapName,
  type MapParams,
  MapParamsSchema,
} from '../../../contract/index.ts'
import { useCollection, useView } from '../../state/view.ts'
import { Button, Segments, Select, TextField } from '../../ui/controls.tsx'
import styles from './map.module.css'
import { NONE } from './options.ts'

/** The parameters of a map, and the button that draws it. */

export interface DrawRequest {
  params: MapParams
  seed: number
  /** Absent: the map that is shown. */
  name?: string
  /** Name of the vector column; absent: the first. */
  vector?: string
  /** Absent: all rows. */
  of?: MapOf
  /** A saved map that it is turned to lie like; absent: none. */
  onto?: string
}

/** Rows that a map can be of; `same`: those that the shown one was of. */
export type MapOf = 'all' | 'same' | 'filter' | 'selection'

const DEFAULTS = { neighbours: '15', minDist: '0.1', spread: '1', epochs: '', seed: '42' }
type Texts = typeof DEFAULTS

type Method = MapParams['method']
const METHODS: { value: Method; label: string }[] = [
  { value: 'umap', label: 'OmenDB' },
  { value: 'umap-js', label: 'umap-js' },
]

const FIELDS: { key: keyof Texts; label: string; hint: string }[] = [
  { key: 'neighbours', label: 'Neighbours', hint: 'Few show detail, many show the whole. 2 to 200.' },
  { key: 'minDist', label: 'Minimum distance', hint: 'How close points may lie. 0 to 1.' },
  { key: 'spread', label: 'Spread', hint: 'How far clusters lie apart. Above 0, at most 10.' },
  { key: 'epochs', label: 'Epochs', hint: 'Steps of the layout, up to 5,000. Empty: by the number of rows.' },
  { key: 'seed', label: 'Seed', hint: 'The same seed gives the same map.' },
]

export const DEFAULT_REQUEST: DrawRequest = {
  params: { neighbours: 15, minDist: 0.1, spread: 1, epochs: 0, method: 'umap' },
  seed: 42,
}

function textsOf(saved: MapInfo | null): Texts {
  if (!saved) return DEFAULTS
  const { neighbours, minDist, spread, epochs } = saved.params
  return {
    neighbours: String(neighbours),
    minDist: String(minDist),
    spread: String(spread),
    // What the number of rows decided is left to that of the next map.
    epochs: epochs > 0 && epochs !== defaultEpochs(saved.rows) ? String(epochs) : '',
    seed: String(saved.seed),
  }
}

const Form = v.object({
  params: MapParamsSchema,
  seed: v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(0xffff_ffff)),
})

/** The request, or the fields that are wrong. */
export function readTexts(texts: Texts, method: Method, target?: string): DrawRequest | Set<string> {
  const number = (text: string): number => (text.trim() === '' ? Number.NaN : Number(text))
  const result = v.safeParse(Form, {
    params: {
      neighbours: number(texts.neighbours),
      minDist: number(texts.minDist),
      spread: number(texts.spread),
      epochs: texts.epochs.trim() === '' ? 0 : number(texts.epochs),
      method,
      ...(target === undefined ? {} : { target }),
    },
    seed: number(texts.seed),
  })
  if (result.success) return result.output
  return new Set(result.issues.map((issue) => String(issue.path?.at(-1)?.key)))
}

interface DrawPopoverProps {
  trigger: ReactElement
  saved: MapInfo | null
  /** Of the map that is shown. */
  name: string
  /** The saved ones. */
  maps: readonly MapInfo[]
  onDraw: (request: DrawRequest) => void
}

export function DrawPopover({ trigger, saved, name, maps, onDraw }: DrawPopoverProps) {
  const [open, setOpen] = useState(false)
  return (
    <Popover.Root open={open} onOpenChange={setOpen}>
      <Popover.Trigger render={trigger as ReactElement<Record<string, unknown>>} />
      <Popover.Portal>
        <Popover.Positioner sideOffset={6} align="start" collisionPadding={8} style={{ zIndex: 50 }}>
          <Popover.Popup className={styles.popover}>
            <Popover.Title className={styles.popoverTitle}>
              {saved ? 'Redraw the map' : 'Draw a map'}
            </Popover.Title>
            <ParameterForm
              saved={saved}
              shown={name}
              maps={maps}
              onDraw={(request) => {
                setOpen(false)
                onDraw(request)
              }}
            />
          </Popover.Popup>
        </Popover.Positioner>
      </Popover.Portal>
    </Popover.Root>
  )
}

interface FormProps {
  saved: MapInfo | null
  shown: string
  maps: readonly MapInfo[]
  onDraw: (request: DrawRequest) => void
}

function ParameterForm({ saved, shown, maps, onDraw }: FormProps) {
  const filtered = useView((view) => view.matching !== null)
  const chosen = useView((view) => view.selection.length > 1)
  const [name, setName] = useState(shown)
  // A map of some rows is not drawn of all by the way.
  const [of, setOf] = useState<MapOf>(saved?.of ? 'same' : 'all')
  const vectors = useCollection()?.vectors ?? []
  const [vector, setVector] = useState(saved?.vector)
  const [texts, setTexts] = useState(() => textsOf(saved))
  const [method, setMethod] = useState<Method>(saved?.params.method ?? 'umap')
  const [onto, setOnto] = useState(saved ? shown : NONE)
  const [target, setTarget] = useState(saved?.params.target ?? NONE)
  const [wrong, setWrong] = useState<Set<string>>(new Set())
  const id = useId()
  const submit = (event: FormEvent): void => {
    event.preventDefault()
    const request = readTexts(texts, method, target === NONE ? undefined : target)
    const trimmed = name.trim()
    const misnamed = v.safeParse(MapName, trimmed).success ? [] : ['name']
    if (request instanceof Set) setWrong(new Set([...request, ...misnamed]))
    else if (misnamed.length > 0) setWrong(new Set(misnamed))
    else {
      const turned = onto === NONE ? undefined : onto
      onDraw({ ...request, name: trimmed, of, onto: turned, ...(vector === undefined ? {} : { vector }) })
    }
  }
  return (
    <form onSubmit={submit} className={styles.form} noValidate>
      <div className={styles.formRow}>
        <label htmlFor={`${id}-name`}>Name</label>
        <TextField
          id={`${id}-name`}
          aria-label="Name"
          aria-invalid={wrong.has('name')}
          value={name}
          onChange={(event) => {
            setName(event.target.value)
            setWrong(new Set([...wrong].filter((field) => field !== 'name')))
          }}
        />
        <p className={wrong.has('name') ? styles.formWrong : styles.formHint}>
          {nameHint(wrong.has('name'), name.trim() === shown && saved !== null)}
        </p>
      </div>
      {vectors.length > 1 && (
        <div className={styles.formMethod}>
          <span>Vectors</span>
          <Select
            bare
            label="Vectors"
            className={styles.formVectors}
            value={vector ?? vectors[0]?.name ?? ''}
            options={vectors.map(({ name, dimension }) => ({
              value: name,
              label: name,
              hint: `${dimension}-d`,
            }))}
            onChange={(chosen) => {
              setVector(chosen)
              // A map by other vectors is another map, unless the person named it.
              const same = chosen === (saved?.vector ?? vectors[0]?.name)
              setName((now) => (now === shown || now === vector ? (same || !saved ? shown : chosen) : now))
            }}
          />
        </div>
      )}
      {(filtered || chosen || saved?.of) && (
        <div className={styles.formMethod}>
          <span>Of</span>
          <Segments
            label="Of"
            value={of}
            options={[
              { value: 'all', label: 'all rows' },
              ...(saved?.of ? [{ value: 'same' as const, label: 'as before' }] : []),
              ...(filtered ? [{ value: 'filter' as const, label: 'filter' }] : []),
              ...(chosen ? [{ value: 'selection' as const, label: 'selection' }] : []),
            ]}
            onChange={setOf}
          />
        </div>
      )}
      {FIELDS.map(({ key, label, hint }) => (
        <div key={key} className={styles.formRow}>
          <label htmlFor={`${id}-${key}`}>{label}</label>
          <TextField
            id={`${id}-${key}`}
            aria-label={label}
            aria-describedby={`${id}-${key}-hint`}
            aria-invalid={wrong.has(key)}
            inputMode="decimal"
            placeholder={key === 'epochs' ? 'auto' : undefined}
            value={texts[key]}
            onChange={(event) => {
              setTexts({ ...texts, [key]: event.target.value })
              setWrong(new Set([...wrong].filter((name) => name !== key)))
            }}
          />
          <p id={`${id}-${key}-hint`} className={wrong.has(key) ? styles.formWrong : styles.formHint}>
            {hint}
          </p>
        </div>
      ))}
      {maps.length > 0 && (
        <div className={styles.formMethod}>
          <span>Turned like</span>
          <Select
            label="Turned like"
            value={onto}
            options={[
              { value: NONE, label: 'no other' },
              ...maps.map((map) => ({ value: map.name, label: map.name })),
            ]}
            onChange={setOnto}
            className={styles.colourBy}
          />
          <p className={styles.formHint}>
            Which way round a map lies means nothing. Like another one, what is the same stays in place.
          </p>
        </div>
      )}
      <Pull
        value={target}
        onChange={setTarget}
        why={method === 'umap' ? null : 'umap-js follows no column'}
      />
      <div className={styles.formMethod}>
        <span>Laid out by</span>
        <Segments
          label="Laid out by"
          value={method}
          options={METHODS}
          onChange={(next) => {
            setMethod(next)
            if (next !== 'umap') setTarget(NONE)
          }}
        />
        <p className={styles.formHint}>umap-js is slower, and takes up to 100,000 rows: to compare with.</p>
      </div>
      <div className={styles.formFoot}>
        <Button
          look="quiet"
          onClick={() => {
            setTexts(DEFAULTS)
            setMethod('umap')
            setTarget(NONE)
          }}
        >
          Defaults
        </Button>
        <Button look="primary" type="submit">
          {saved ? 'Redraw' : 'Draw map'}
        </Button>
      </div>
    </form>
  )
}

/** The column that draws rows of one value together. */
function Pull({
  value,
  why,
  onChange,
}: {
  value: string
  why: string | null
  onChange: (column: string) => void
}) {
  const columns = useCollection()?.columns.filter(({ type }) => type !== 'json' && type !== 'vector') ?? []
  return (
    <div className={styles.formMethod}>
      <span>Pulled together by</span>
      <Select
        label="Pulled together by"
        value={value}
        disabled={why !== null}
        options={[
          { value: NONE, label: 'vectors alone' },
          ...columns.map(({ name, type }) => ({ value: name, label: name, hint: type })),
        ]}
        onChange={onChange}
        className={styles.wordsOf}
      />
      {why !== null && <p className={styles.formHint}>{why}.</p>}
      {why === null && value !== NONE && (
        <p className={styles.formHint}>
          Rows with like values are drawn together. The map then shows this column, and not only what the
          vectors say.
        </p>
      )}
    </div>
  )
}

function nameHint(wrong: boolean, same: boolean): string {
  if (wrong) return 'One to 128 characters of text.'
  return same ? 'Takes the place of this map.' : 'Another name makes another map.'
}
