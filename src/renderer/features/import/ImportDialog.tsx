import { useQuery } from '@tanstack/react-query'
import { useEffect, useMemo, useState } from 'react'
import { AppError, type GrantInfo, type ImportPreview, type ImportResult } from '../../../contract/index.ts'
import { engine } from '../../client/engine.ts'
import { previewQuery } from '../../client/queries.ts'
import { shell } from '../../client/shell.ts'
import { cancelJob, closeQuietly, showCollection, showStore } from '../../state/actions.ts'
import { useView } from '../../state/view.ts'
import { Button, Segments, Select, TextField } from '../../ui/controls.tsx'
import { bytes, count, counted, metricTitle, sentence } from '../../ui/format.ts'
import { Bone, Dialog, ErrorNote } from '../../ui/pieces.tsx'
import { ImportEnd, ImportProgress } from './ImportRun.tsx'
import styles from './import.module.css'
import { PreviewTable } from './PreviewTable.tsx'
import {
  columnProblems,
  firstForm,
  idChoices,
  nameFromFile,
  nameProblem,
  type PlanColumn,
  type PlanForm,
  toPlan,
  unusedName,
  withVector,
} from './plan.ts'

const FORMATS: Record<ImportPreview['format'], string> = {
  parquet: 'Parquet',
  csv: 'CSV',
  jsonl: 'JSON Lines',
  npy: 'NumPy',
  fvecs: 'fvecs',
}

/** The whole way of a file into a collection: look, decide, wait or leave it running, see what came of it. */
export function ImportDialog() {
  const file = useView((view) => view.importing)
  if (!file) return null
  return <Import key={file.grant} file={file} />
}

type Phase =
  | { is: 'form' }
  | { is: 'running'; job: string }
  | { is: 'ended'; result: ImportResult; store: string; grant: string }

interface Target {
  kind: 'new' | 'open'
  /** For a new store: where it will be. */
  place: GrantInfo | null
  collection: string
}

/** A store made for an import that then failed: the next try uses it again. */
interface Made {
  grant: string
  store: string
}

/** A job is known from its start, so that its end is seen even if the engine dies before the first progress. */
function noteJob(job: string, store: string, collection: string, total: number): void {
  const { jobs, ended, setJob } = useView.getState()
  if (jobs[job] || ended.some((one) => one.job === job)) return
  setJob({
    job,
    kind: 'import',
    store,
    collection,
    phase: 'starting',
    done: 0,
    total,
    unit: 'rows',
    rate: 0,
    startedMs: Date.now(),
  })
}

function shut(): void {
  useView.getState().setImporting(null)
}

function Import({ file }: { file: GrantInfo }) {
  // A store that is only read takes no rows: then the file goes into a new one.
  const open = useView((view) => (view.store?.readOnly ? null : view.store))
  const preview = useQuery(previewQuery(file.grant))
  const [form, setForm] = useState<PlanForm | null>(null)
  const [phase, setPhase] = useState<Phase>({ is: 'form' })
  const [error, setError] = useState<AppError | null>(null)
  const [starting, setStarting] = useState(false)
  const [made, setMade] = useState<Made | null>(null)
  const [target, setTarget] = useState<Target>(() => ({
    kind: open ? 'open' : 'new',
    place: null,
    collection: unusedName(nameFromFile(file.name), open?.collections.map((c) => c.name) ?? []),
  }))
  useEffect(() => {
    if (preview.data) setForm((now) => now ?? firstForm(preview.data))
  }, [preview.data])
  useEffect(() => {
    shell('suggestStore', nameFromFile(file.name)).then(
      (place) => setTarget((now) => (now.place ? now : { ...now, place })),
      (thrown: unknown) => setError(AppError.from(thrown)),
    )
  }, [file.name])
  const job = phase.is === 'running' ? phase.job : null
  const ended = useView((view) => view.ended.find((one) => one.job === job))
  useEffect(() => {
    if (!ended || phase.is !== 'running') return
    if (ended.state === 'done' && ended.kind === 'import' && ended.result && made) {
      if (ended.result.rejected > 0) {
        setPhase({ is: 'ended', result: ended.result, ...made })
      } else {
        void showCollection(made.store, made.grant, ended.result.collection).then(shut, (e: unknown) => {
          setError(AppError.from(e))
          setPhase({ is: 'form' })
        })
      }
      return
    }
    setPhase({ is: 'form' })
    if (ended.state === 'failed') setError(ended.error)
  }, [ended, phase, made])

  const problems = useMemo(() => (form ? columnProblems(form) : new Map<string, string>()), [form])
  const taken = target.kind === 'open' ? (open?.collections.map((c) => c.name) ?? []) : []
  const collectionProblem = nameProblem(target.collection, taken)
  const plan = form && toPlan(form)
  const ready =
    plan !== null && collectionProblem === null && (target.kind === 'open' || target.place !== null)

  async function start(onError: PlanForm['onError']) {
    if (!plan || !ready) return
    setError(null)
    setStarting(true)
    try {
      let into: Made
      if (target.kind === 'open' && open) {
        into = { grant: useView.getState().grant ?? '', store: open.store }
      } else {
        const grant = target.place?.grant ?? ''
        const info = await engine.call('store.open', { grant, create: made?.grant !== grant })
        into = { grant, store: info.store }
      }
      setMade(into)
      const { job: started } = await engine.call('import.start', {
        store: into.store,
        grant: file.grant,
        collection: target.collection,
        plan: { ...plan, onError },
      })
      noteJob(started, into.store, target.collection, preview.data?.rows ?? 0)
      setPhase({ is: 'running', job: started })
    } catch (thrown) {
      setError(AppError.from(thrown))
    } finally {
      setStarting(false)
    }
  }

  /** A store that was made for this import and got nothing is let go. */
  function close() {
    shut()
    if (made && made.store !== open?.store) void closeQuietly(made.store, true)
  }

  async function background() {
    shut()
    if (made) showStore(await engine.call('store.info', { store: made.store }), made.grant)
  }

  async function chooseAnother() {
    const other = await shell('pickFile').catch(() => null)
    if (other) useView.getState().setImporting(other)
  }

  function openResult(ended: Extract<Phase, { is: 'ended' }>) {
    showCollection(ended.store, ended.grant, ended.result.collection).then(shut, (thrown: unknown) =>
      setError(AppError.from(thrown)),
    )
  }

  if (phase.is === 'running') {
    return (
      <Dialog
        open
        onClose={() => void background()}
        title={`Importing ${file.name}`}
        width={520}
        foot={
          <>
            <Button onClick={() => void cancelJob(phase.job)}>Cancel import</Button>
            <Button onClick={() => void background()}>Continue in the background</Button>
          </>
        }
      >
        <ImportProgress job={phase.job} />
      </Dialog>
    )
  }
  if (phase.is === 'ended') {
    return (
      <Dialog
        open
        onClose={() => openResult(phase)}
        title={`${file.name} is imported`}
        width={720}
        foot={
          <Button look="primary" onClick={() => openResult(phase)}>
            Open {phase.result.collection}
          </Button>
        }
      >
        <ImportEnd result={phase.result} />
        {error && <ErrorNote error={error} />}
      </Dialog>
    )
  }
  if (preview.error) {
    return (
      <Dialog
        open
        onClose={close}
        title={`Import ${file.name}`}
        width={600}
        foot={
          <>
            <Button onClick={close}>Close</Button>
            <Button look="primary" onClick={() => void chooseAnother()}>
              Choose another file…
            </Button>
          </>
        }
      >
        <ErrorNote
          error={AppError.from(preview.error)}
          action={
            AppError.from(preview.error).retry && (
              <Button onClick={() => void preview.refetch()}>Look again</Button>
            )
          }
        />
      </Dialog>
    )
  }
  const skippable = error !== null && ['BAD_ROW', 'DIMENSION_MISMATCH', 'INVALID_VECTOR'].includes(error.code)
  return (
    <Dialog
      open
      onClose={close}
      title={`Import ${file.name}`}
      note={preview.data && <Facts preview={preview.data} />}
      width={1_080}
      height={720}
      foot={
        <>
          <div className={styles.footLeft}>
            {form && (
              <>
                Bad rows
                <Segments
                  label="Bad rows"
                  value={form.onError}
                  options={[
                    { value: 'stop', label: 'Stop', tip: 'The import stops and leaves nothing behind' },
                    { value: 'skip', label: 'Skip', tip: 'They are left out, counted and listed' },
                  ]}
                  onChange={(onError) => setForm({ ...form, onError })}
                />
              </>
            )}
          </div>
          <Button onClick={close}>Cancel</Button>
          <Button
            look="primary"
            disabled={!ready || starting}
            onClick={() => void start(form?.onError ?? 'stop')}
          >
            Import{preview.data?.rows ? ` ${counted(preview.data.rows, 'row')}` : ''}
          </Button>
        </>
      }
    >
      <div className={styles.layout}>
        {error && (
          <ErrorNote
            error={error}
            action={
              skippable && (
                <Button
                  onClick={() => {
                    if (form) setForm({ ...form, onError: 'skip' })
                    void start('skip')
                  }}
                >
                  Skip bad rows and import
                </Button>
              )
            }
          />
        )}

        <div style={{ display: 'grid', gap: 16 }}>
          {preview.data && form ? (
            <Choices preview={preview.data} form={form} onChange={setForm} />
          ) : (
            <ChoicesBones />
          )}
          <Where
            target={target}
            openName={open?.name ?? null}
            taken={open?.collections.map((c) => c.name) ?? []}
            problem={collectionProblem}
            onChange={(change) => setTarget((now) => ({ ...now, ...change }))}
            onError={setError}
          />
        </div>
        {preview.data && form && (
          <PreviewTable
            preview={preview.data}
            form={form}
            problems={problems}
            onColumn={(source, change: Partial<PlanColumn>) =>
              setForm({
                ...form,
                columns: form.columns.map((c) => (c.source === source ? { ...c, ...change } : c)),
              })
            }
          />
        )}
      </div>
    </Dialog>
  )
}

function Facts({ preview }: { preview: ImportPreview }) {
  const rows =
    preview.rows !== null
      ? counted(preview.rows, 'row')
      : preview.rowsEstimate !== null
        ? `about ${count(preview.rowsEstimate)} rows`
        : null
  const facts = [FORMATS[preview.format], rows, bytes(preview.bytes)].filter(Boolean)
  return <span className={styles.facts}>{facts.join(' · ')}</span>
}

const NUMBERED = '\u0000numbered'

function Choices(props: { preview: ImportPreview; form: PlanForm; onChange: (form: PlanForm) => void }) {
  const { preview, form, onChange } = props
  const candidates = preview.vectorCandidates.length > 0 ? preview.vectorCandidates : [preview.vector]
  const vectors = candidates.filter((one) => one !== null)
  const chosen = vectors.find((one) => one.column === form.vector) ?? preview.vector
  const candidate = preview.vectorCandidates.find((one) => one.column === form.vector)
  const suggested = candidate?.metric ?? preview.metric
  const idReason = preview.id?.column === form.id ? preview.id?.reason : null
  return (
    <div className={styles.form}>
      <div className={styles.block}>
        <span className={styles.label}>Vector</span>
        {vectors.length > 0 ? (
          <Select
            label="Vector column"
            className={styles.wide}
            value={form.vector ?? ''}
            options={vectors.map((one) => ({
              value: one.column,
              label: `${one.column} · ${one.dimension}-d`,
            }))}
            onChange={(vector) => onChange(withVector(form, vector))}
          />
        ) : (
          <span className={styles.problem}>
            No column of this file holds vectors: lists of numbers, all of one length.
          </span>
        )}
        <span className={styles.reason}>{sentence(chosen?.reason ?? '')}</span>
      </div>
      <div className={styles.block}>
        <span className={styles.label}>Id</span>
        <Select
          label="Id column"
          className={styles.wide}
          value={form.id ?? NUMBERED}
          options={[
            ...idChoices(preview, form).map((name) => ({ value: name, label: name })),
            { value: NUMBERED, label: 'None: number the rows' },
          ]}
          onChange={(id) => onChange({ ...form, id: id === NUMBERED ? null : id })}
        />
        <span className={styles.reason}>
          {form.id === null
            ? 'Rows are numbered from 0.'
            : sentence(idReason ?? 'Of rows with the same id the last one stays.')}
        </span>
      </div>
      <div className={styles.block}>
        <span className={styles.label}>Metric</span>
        <Select
          label="Metric"
          className={styles.wide}
          value={form.metric}
          options={[
            { value: 'cosine', label: metricTitle('cosine'), hint: 'direction' },
            { value: 'l2', label: metricTitle('l2'), hint: 'straight-line distance' },
            { value: 'dot', label: metricTitle('dot'), hint: 'direction and length' },
          ]}
          onChange={(metric) => onChange({ ...form, metric })}
        />
        <span className={styles.reason}>
          {form.metric === suggested.metric ? sentence(suggested.reason) : ''}
        </span>
      </div>
    </div>
  )
}

function ChoicesBones() {
  return (
    <div className={styles.form} style={{ height: 76 }}>
      {['Vector', 'Id', 'Metric'].map((label) => (
        <div key={label} className={styles.block}>
          <span className={styles.label}>{label}</span>
          <Bone width="80%" />
        </div>
      ))}
    </div>
  )
}

interface WhereProps {
  target: Target
  openName: string | null
  taken: string[]
  problem: string | null
  onChange: (change: Partial<Target>) => void
  onError: (error: AppError) => void
}

function Where({ target, openName, taken, problem, onChange, onError }: WhereProps) {
  async function choose() {
    try {
      const place = await shell('pickNewStore', target.place?.name ?? 'vectors.db', 'store')
      if (place) onChange({ place, kind: 'new' })
    } catch (thrown) {
      onError(AppError.from(thrown))
    }
  }
  return (
    <div className={styles.target}>
      <span className={styles.label}>Into</span>
      <div className={styles.pair}>
        {openName !== null && (
          <Select
            label="Store"
            value={target.kind}
            options={[
              { value: 'open', label: openName, hint: 'open' },
              { value: 'new', label: 'A new store' },
            ]}
            onChange={(kind) =>
              onChange({
                kind,
                collection: kind === 'open' ? unusedName(target.collection, taken) : target.collection,
              })
            }
          />
        )}
        {target.kind === 'new' && (
          <>
            <span className={styles.path} title={target.place?.path}>
              {target.place ? (
                `${openName === null ? 'New store ' : ''}${target.place.path}`
              ) : (
                <Bone width={120} />
              )}
            </span>
            <Button look="quiet" onClick={() => void choose()}>
              Change…
            </Button>
          </>
        )}
      </div>
      <div className={styles.pair}>
        <span className={styles.label}>Collection</span>
        <TextField
          aria-label="Name of the collection"
          aria-invalid={problem !== null}
          value={target.collection}
          onChange={(event) => onChange({ collection: event.target.value })}
        />
      </div>
      <span className={styles.problem}>{problem}</span>
    </div>
  )
}
