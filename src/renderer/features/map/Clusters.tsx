import { Popover } from '@base-ui/react/popover'
import { Shapes, Square } from 'lucide-react'
import { useEffect, useId, useRef, useState } from 'react'
import { AppError, type CollectionInfo, type JobInfo } from '../../../contract/index.ts'
import { engine } from '../../client/engine.ts'
import { cancelJob } from '../../state/actions.ts'
import { labelColumn } from '../../state/near.ts'
import { type EndedJob, useView, whyNotNow } from '../../state/view.ts'
import { Button, IconButton, Select } from '../../ui/controls.tsx'
import { count, counted, share } from '../../ui/format.ts'
import { ErrorNote, ProgressBar } from '../../ui/pieces.tsx'
import styles from './map.module.css'

/** Rows divided into clusters: by words of which column, how many, and what came of it. */

/** The column that the app writes into. */
const COLUMN = 'cluster'
/** Stands for "no column"; columns have names of at least one character. */
const NONE = ''
/** From few clusters to many: resolutions, each some twice the one before. */
const RESOLUTIONS = [0.15, 0.3, 0.6, 1, 2, 4, 8] as const
const AMOUNTS = ['fewest', 'far fewer', 'fewer', 'the usual', 'more', 'far more', 'most'] as const
const USUAL = RESOLUTIONS.indexOf(1)

interface ClustersProps {
  store: string
  collection: CollectionInfo
  /** Name of the vector column that the map is drawn from; absent: the first. */
  vector: string | undefined
}

export function Clusters({ store, collection, vector }: ClustersProps) {
  const why = useView(whyNotNow)
  const own = (job: JobInfo): boolean =>
    job.kind === 'cluster' && job.store === store && job.collection === collection.name
  const job = useView((view) => Object.values(view.jobs).find(own))
  const last = useView((view) => view.ended.find(own)) as Extract<EndedJob, { kind: 'cluster' }> | undefined
  const [open, setOpen] = useState(false)
  // What ended before this was on the screen was told already.
  const told = useRef(last?.job)
  useEffect(() => {
    if (!last || told.current === last.job) return
    told.current = last.job
    if (last.result) {
      useView.getState().setColourBy(last.result.column)
      setOpen(false)
    } else if (last.state === 'failed') setOpen(true)
  }, [last])
  const trigger = (
    <button type="button" className={styles.quietButton}>
      <Shapes size={14} aria-hidden="true" />
      <span className={styles.toolLabel}>Clusters</span>
    </button>
  )
  if (why !== null) {
    return (
      <Button look="quiet" why={why} className={styles.quietButton}>
        <Shapes size={14} aria-hidden="true" />
        <span className={styles.toolLabel}>Clusters</span>
      </Button>
    )
  }
  return (
    <Popover.Root open={open} onOpenChange={setOpen}>
      <Popover.Trigger render={trigger} />
      <Popover.Portal>
        <Popover.Positioner sideOffset={6} align="start" collisionPadding={8} style={{ zIndex: 50 }}>
          <Popover.Popup className={styles.popover}>
            <Popover.Title className={styles.popoverTitle}>Clusters</Popover.Title>
            {job ? (
              <Running job={job} />
            ) : (
              <Order store={store} collection={collection} vector={vector} last={last} />
            )}
          </Popover.Popup>
        </Popover.Positioner>
      </Popover.Portal>
    </Popover.Root>
  )
}

function Running({ job }: { job: JobInfo }) {
  const done = job.total > 0 ? `${count(job.done)} of ${count(job.total)} ${job.unit}` : ''
  return (
    <div className={styles.clustering}>
      <div className={styles.formingText}>
        <span className={styles.formingPhase}>{phrase(job.phase)}</span>
        <span className={styles.formingNote}>{done}</span>
      </div>
      <ProgressBar label="Finding clusters" value={share(job)} />
      <IconButton label="Stop" small side="top" onClick={() => void cancelJob(job.job)}>
        <Square size={11} fill="currentColor" aria-hidden="true" />
      </IconButton>
    </div>
  )
}

const phrase = (phase: string): string => phase.charAt(0).toUpperCase() + phase.slice(1)

interface OrderProps {
  store: string
  collection: CollectionInfo
  /** Name of the vector column; absent: the first. */
  vector: string | undefined
  last: Extract<EndedJob, { kind: 'cluster' }> | undefined
}

function Order({ store, collection, vector, last }: OrderProps) {
  const texts = collection.columns.filter(({ type, name }) => type === 'text' && name !== COLUMN)
  const label = labelColumn(collection)
  const [keywords, setKeywords] = useState(texts.find(({ name }) => name === label)?.name ?? NONE)
  const [step, setStep] = useState(USUAL)
  const [refused, setRefused] = useState<AppError | null>(null)
  const id = useId()
  const start = (): void => {
    setRefused(null)
    engine
      .call('collection.cluster', {
        store,
        collection: collection.name,
        vector,
        column: COLUMN,
        resolution: RESOLUTIONS[step] ?? 1,
        ...(keywords === NONE ? {} : { keywords }),
      })
      .catch((thrown: unknown) => setRefused(AppError.from(thrown)))
  }
  const error = refused ?? (last?.state === 'failed' ? last.error : null)
  return (
    <div className={styles.form}>
      <p className={styles.formHint}>
        Groups of rows whose vectors lie close together. Their names go into the column “{COLUMN}”; undo takes
        them back.
      </p>
      <div className={styles.formMethod}>
        <span>Named by words of</span>
        <Select
          label="Named by words of"
          value={keywords}
          options={[
            ...texts.map(({ name }) => ({ value: name, label: name })),
            { value: NONE, label: 'nothing, numbers' },
          ]}
          onChange={setKeywords}
          className={styles.wordsOf}
        />
      </div>
      <div className={styles.spacing}>
        <label htmlFor={id}>How many</label>
        <output htmlFor={id}>{amount(step)}</output>
        <input
          id={id}
          type="range"
          min={0}
          max={RESOLUTIONS.length - 1}
          step={1}
          value={step}
          aria-valuetext={amount(step)}
          onChange={(event) => setStep(Number(event.target.value))}
        />
      </div>
      {error && <ErrorNote error={error} />}
      <div className={styles.formFoot}>
        <span className={styles.formHint}>
          {last?.result ? `Last time: ${counted(last.result.clusters, 'cluster')}` : ''}
        </span>
        <Button look="primary" onClick={start}>
          Find clusters
        </Button>
      </div>
    </div>
  )
}

function amount(step: number): string {
  return AMOUNTS[step] ?? ''
}
