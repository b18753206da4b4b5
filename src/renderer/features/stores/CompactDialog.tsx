import { useState } from 'react'
import { AppError, type CompactResult, type StoreInfo } from '../../../contract/index.ts'
import { engine } from '../../client/engine.ts'
import { cancelJob } from '../../state/actions.ts'
import { useView } from '../../state/view.ts'
import { Button, Checkbox } from '../../ui/controls.tsx'
import { bytes, count, counted, share } from '../../ui/format.ts'
import { Dialog, ErrorNote, Fact, Facts, ProgressBar } from '../../ui/pieces.tsx'
import styles from './copies.module.css'

/** What compacting could give back, the choice about the history, and what it gave back. */
export function CompactDialog({ store }: { store: StoreInfo }) {
  const [forget, setForget] = useState(false)
  const [started, setStarted] = useState<string | null>(null)
  const [error, setError] = useState<AppError | null>(null)
  const job = useView((view) => (started === null ? undefined : view.jobs[started]))
  const ended = useView((view) => view.ended.find((one) => one.job === started))
  const close = () => useView.getState().setDialog(null)

  async function compact() {
    setError(null)
    try {
      const { job } = await engine.call('store.compact', { store: store.store, forgetHistory: forget })
      setStarted(job)
    } catch (thrown) {
      setError(AppError.from(thrown))
    }
  }

  if (ended?.kind === 'compact' && ended.state === 'done' && ended.result) {
    return (
      <Dialog
        open
        onClose={close}
        title={`${store.name} is compacted`}
        width={460}
        foot={
          <Button look="primary" onClick={close}>
            Done
          </Button>
        }
      >
        <Result result={ended.result} />
      </Dialog>
    )
  }
  if (started !== null && !ended) {
    return (
      <Dialog
        open
        onClose={close}
        title={`Compacting ${store.name}`}
        width={460}
        foot={
          <>
            <Button onClick={() => void cancelJob(started)}>Cancel</Button>
            <Button onClick={close}>Continue in the background</Button>
          </>
        }
      >
        <div className={styles.running}>
          <ProgressBar label="Compacting" value={job ? share(job) : null} />
          <p className={styles.note}>{job?.phase ?? 'starting'}</p>
        </div>
      </Dialog>
    )
  }
  const failed = ended?.state === 'failed' ? ended.error : null
  const { entries } = store.history
  return (
    <Dialog
      open
      onClose={close}
      title={`Compact ${store.name}`}
      width={460}
      foot={
        <>
          <Button onClick={close}>Cancel</Button>
          <Button look="primary" onClick={() => void compact()}>
            Compact
          </Button>
        </>
      }
    >
      <div className={styles.form}>
        <p>
          Rewrites the files without rows that nothing needs any more, and joins small ones. Ids, row numbers
          and maps stay.
        </p>
        <Facts>
          <Fact name="On disk" value={bytes(store.diskBytes)} />
          <Fact name="Deleted rows" value={deletedWords(store)} />
          <Fact name="History" value={historyWords(store)} />
        </Facts>
        {/* biome-ignore lint/a11y/noLabelWithoutControl: the box inside is the control */}
        <label className={styles.choice}>
          <Checkbox
            label="Forget the history too"
            checked={forget}
            disabled={entries === 0}
            onChange={setForget}
          />
          <span>
            <span className={entries === 0 ? styles.off : undefined}>Forget the history too</span>
            <span className={styles.note}>
              {entries === 0
                ? 'There is none.'
                : forget
                  ? `${counted(entries, 'change')} can then no longer be looked at or undone. This cannot be taken back.`
                  : 'Deleted rows that the history can still bring back keep their space otherwise.'}
            </span>
          </span>
        </label>
        {(error ?? failed) && <ErrorNote error={(error ?? failed) as AppError} />}
      </div>
    </Dialog>
  )
}

/** A history that is still in the log has no files of its own. */
function historyWords({ history }: StoreInfo): string {
  const changes = counted(history.entries, 'change')
  return history.bytes > 0 ? `${changes}, ${bytes(history.bytes)}` : changes
}

/** Deleted rows that still take space, and at least how much: their vectors alone. */
function deletedWords(store: StoreInfo): string {
  const deleted = store.collections.reduce((sum, one) => sum + one.deleted, 0)
  if (deleted === 0) return 'none take space'
  const vectors = store.collections.reduce(
    (sum, one) => sum + one.deleted * one.vectors.reduce((all, vector) => all + vector.dimension * 4, 0),
    0,
  )
  return `${counted(deleted, 'row')}, at least ${bytes(vectors)}`
}

function Result({ result }: { result: CompactResult }) {
  const { bytesBefore, bytesAfter, freed, rowsDropped, segments, heldByHistory } = result
  return (
    <div className={styles.form}>
      <p className={styles.big}>{freed > 0 ? `${bytes(freed)} given back` : 'Nothing to give back'}</p>
      <Facts>
        <Fact name="Before" value={bytes(bytesBefore)} />
        <Fact name="Now" value={bytes(bytesAfter)} />
        {rowsDropped > 0 && <Fact name="Deleted rows let go" value={count(rowsDropped)} />}
        {segments > 0 && <Fact name="Written anew" value={counted(segments, 'segment')} />}
      </Facts>
      <p className={styles.note}>
        {heldByHistory > 0
          ? `The history still holds ${bytes(heldByHistory)}, so that changes can be taken back.`
          : 'The history holds nothing.'}
      </p>
    </div>
  )
}
