import { useEffect, useState } from 'react'
import { AppError, type CopyResult, type GrantInfo, type RepairReport } from '../../../contract/index.ts'
import { engine } from '../../client/engine.ts'
import { shell } from '../../client/shell.ts'
import { cancelJob, openStore } from '../../state/actions.ts'
import { type CopyKind, copyName, startSnapshot } from '../../state/copies.ts'
import { type StorePlace, useView } from '../../state/view.ts'
import { Button } from '../../ui/controls.tsx'
import { bytes, count, counted, share } from '../../ui/format.ts'
import { Bone, Dialog, ErrorNote, ProgressBar } from '../../ui/pieces.tsx'
import styles from './copies.module.css'
import { RepairEnd } from './RepairEnd.tsx'

interface CopyDialogProps {
  copy: CopyKind
  from: StorePlace | null
}

const WORDS: Record<CopyKind, { title: string; verb: string; doing: string; text: string }> = {
  snapshot: {
    title: 'Save a snapshot',
    verb: 'Save the snapshot',
    doing: 'Saving a snapshot',
    text: 'The whole store at this moment, history included, as a folder of its own. It can be written meanwhile; each file is compared with its checksum.',
  },
  restore: {
    title: 'Restore a snapshot',
    verb: 'Restore',
    doing: 'Restoring',
    text: 'The snapshot becomes a new store; the snapshot itself and the stores that are there stay as they are.',
  },
  repair: {
    title: 'Repair into a new store',
    verb: 'Repair',
    doing: 'Repairing',
    text: 'Every row that is sound is copied into a new store. The damaged one is only read and stays as it is.',
  },
}

const PURPOSES = { snapshot: 'snapshot', restore: 'restored', repair: 'repaired' } as const

/** Makes a folder of a whole store: from where, to where, how far, and what came of it. */
export function CopyDialog({ copy, from: given }: CopyDialogProps) {
  const words = WORDS[copy]
  const open = useView((view) => view.store)
  const [from, setFrom] = useState<StorePlace | null>(given)
  const [to, setTo] = useState<GrantInfo | null>(null)
  const [started, setStarted] = useState<string | null>(null)
  const [error, setError] = useState<AppError | null>(null)
  const job = useView((view) => (started === null ? undefined : view.jobs[started]))
  const ended = useView((view) => view.ended.find((one) => one.job === started))
  const close = () => useView.getState().setDialog(null)
  const fail = (thrown: unknown) => setError(AppError.from(thrown))
  const source = copy === 'snapshot' ? (open?.name ?? '') : (from?.name ?? '')

  useEffect(() => {
    if (source === '') return
    shell('suggestStore', copyName(source, copy, Date.now())).then(setTo, (thrown: unknown) =>
      setError(AppError.from(thrown)),
    )
  }, [source, copy])

  async function chooseFrom() {
    const chosen = await shell('pickStore', 'snapshot')
    if (chosen) setFrom(chosen)
  }

  async function chooseTo() {
    const chosen = await shell('pickNewStore', to?.name ?? copyName(source, copy, Date.now()), PURPOSES[copy])
    if (chosen) setTo(chosen)
  }

  async function start() {
    if (!to) return
    setError(null)
    try {
      if (copy === 'snapshot') setStarted(await startSnapshot(to))
      else if (from) {
        const op = copy === 'restore' ? 'store.restore' : 'store.repair'
        setStarted((await engine.call(op, { from: from.grant, to: to.grant })).job)
      }
    } catch (thrown) {
      fail(thrown)
    }
  }

  function openResult() {
    if (!to) return
    openStore(to).then(close, fail)
  }

  if (ended?.state === 'done' && to && ended.result) {
    const report = ended.kind === 'repair' ? ended.result : null
    return (
      <Dialog
        open
        onClose={close}
        title={TITLES[copy](to.name, report)}
        width={report ? 560 : 460}
        foot={
          <>
            {copy === 'snapshot' && (
              <Button onClick={() => void shell('revealStore', to.grant).catch(fail)}>
                Show in the file manager
              </Button>
            )}
            {copy !== 'snapshot' && <Button onClick={close}>Close</Button>}
            <Button look="primary" onClick={copy === 'snapshot' ? close : openResult}>
              {copy === 'snapshot' ? 'Done' : `Open ${to.name}`}
            </Button>
          </>
        }
      >
        {report ? (
          <RepairEnd report={report} />
        ) : (
          <CopyEnd result={ended.result as CopyResult} path={to.path} />
        )}
        {error && <ErrorNote error={error} />}
      </Dialog>
    )
  }
  if (started !== null && !ended) {
    return (
      <Dialog
        open
        onClose={close}
        title={`${words.doing}: ${source}`}
        width={460}
        foot={
          <>
            <Button onClick={() => void cancelJob(started)}>Cancel</Button>
            <Button onClick={close}>Continue in the background</Button>
          </>
        }
      >
        <div className={styles.running}>
          <ProgressBar label={words.doing} value={job ? share(job) : null} />
          <p className={styles.note}>
            {job && job.total > 0 ? `${bytes(job.done)} of ${bytes(job.total)}` : (job?.phase ?? 'starting')}
          </p>
        </div>
      </Dialog>
    )
  }
  const failed = ended?.state === 'failed' ? ended.error : null
  return (
    <Dialog
      open
      onClose={close}
      title={words.title}
      width={560}
      foot={
        <>
          <Button onClick={close}>Cancel</Button>
          <Button look="primary" disabled={!to || source === ''} onClick={() => void start()}>
            {words.verb}
          </Button>
        </>
      }
    >
      <div className={styles.form}>
        <p>{words.text}</p>
        <div className={styles.places}>
          {copy === 'restore' ? (
            <PlaceLine
              label="Snapshot"
              path={from?.path ?? null}
              empty="none chosen"
              verb={from ? 'Change…' : 'Choose…'}
              onChoose={() => void chooseFrom().catch(fail)}
            />
          ) : (
            <PlaceLine label="Store" path={copy === 'snapshot' ? (open?.path ?? '') : (from?.path ?? '')} />
          )}
          <PlaceLine
            label="Into"
            path={to?.path ?? null}
            empty={source === '' ? 'a new folder' : null}
            verb="Change…"
            disabled={source === ''}
            onChoose={() => void chooseTo().catch(fail)}
          />
        </div>
        {(error ?? failed) && <ErrorNote error={(error ?? failed) as AppError} />}
      </div>
    </Dialog>
  )
}

const TITLES: Record<CopyKind, (name: string, report: RepairReport | null) => string> = {
  snapshot: () => 'The snapshot is saved',
  restore: (name) => `${name} is restored`,
  repair: (name, report) => {
    const lost = report?.collections.reduce((sum, one) => sum + one.rowsLost, 0) ?? 0
    return lost === 0 ? `${name} has every row` : `${name} has all that was sound`
  },
}

function CopyEnd({ result, path }: { result: CopyResult; path: string }) {
  return (
    <div className={styles.form}>
      <p>
        {counted(result.files, 'file')}, {bytes(result.bytes)}, each compared with its checksum. It is
        generation {count(result.generation)} of the store.
      </p>
      {result.leftOut.length > 0 && (
        <p className={styles.note}>
          Damaged, left out, and built anew when it is opened: {result.leftOut.join(', ')}.
        </p>
      )}
      <p className={styles.path}>{path}</p>
    </div>
  )
}

interface PlaceLineProps {
  label: string
  path: string | null
  /** What stands there without a path; null: it is on its way. */
  empty?: string | null
  verb?: string
  disabled?: boolean
  onChoose?: () => void
}

function PlaceLine({ label, path, empty, verb, disabled, onChoose }: PlaceLineProps) {
  return (
    <div className={styles.place}>
      <span className={styles.label}>{label}</span>
      <span className={path === null ? styles.off : styles.placePath} title={path ?? undefined}>
        {path ?? empty ?? <Bone width={180} />}
      </span>
      {onChoose && (
        <Button look="quiet" disabled={disabled} onClick={onChoose} aria-label={`${label}: ${verb}`}>
          {verb}
        </Button>
      )}
    </div>
  )
}
