import { useEffect, useState } from 'react'
import { AppError, type CollectionInfo, type TuneChoice, type TuneReport } from '../../../contract/index.ts'
import { engine } from '../../client/engine.ts'
import { cancelJob } from '../../state/actions.ts'
import { vectorColumn } from '../../state/near.ts'
import { useView } from '../../state/view.ts'
import { Button, cx } from '../../ui/controls.tsx'
import { bytes, count, counted, measure, share } from '../../ui/format.ts'
import { Dialog, ErrorNote, Fact, Facts, ProgressBar } from '../../ui/pieces.tsx'
import styles from './tune.module.css'

/** The longest bar, pixels. */
const BAR_PX = 56

/** What each precision and metric gives, measured on the collection's own rows; one can be taken for the queries that follow. */
export function TuneDialog({ store, collection }: { store: string; collection: CollectionInfo }) {
  const vector = useView((view) => vectorColumn(collection, view.search.vector)?.name)
  const [started, setStarted] = useState<string | null>(null)
  const [error, setError] = useState<AppError | null>(null)
  const job = useView((view) => (started === null ? undefined : view.jobs[started]))
  const ended = useView((view) => view.ended.find((one) => one.job === started))
  const close = () => useView.getState().setDialog(null)
  const cancel = () => {
    if (started !== null && !ended) void cancelJob(started)
    close()
  }

  useEffect(() => {
    let gone = false
    engine.call('collection.tune', { store, collection: collection.name, vector }).then(
      ({ job }) => (gone ? void cancelJob(job) : setStarted(job)),
      (thrown: unknown) => setError(AppError.from(thrown)),
    )
    return () => {
      gone = true
    }
  }, [store, collection.name, vector])

  const report = ended?.kind === 'tune' && ended.state === 'done' ? ended.result : null
  const failed = error ?? (ended?.state === 'failed' ? ended.error : null)
  return (
    <Dialog
      open
      onClose={cancel}
      title={`Precision of ${collection.vectors.length > 1 ? `${vector} in ` : ''}${collection.name}`}
      width={620}
      foot={
        report || failed ? (
          <Button look="primary" onClick={close}>
            Done
          </Button>
        ) : (
          <Button onClick={cancel}>Cancel</Button>
        )
      }
    >
      {failed ? (
        <ErrorNote error={failed} />
      ) : report ? (
        <Report report={report} onTake={close} />
      ) : (
        <div className={styles.running}>
          <ProgressBar label="Measuring" value={job ? share(job) : null} />
          <p className={styles.note}>
            Looks for the neighbours of some rows in every way, and compares with the true ones.
          </p>
        </div>
      )}
    </Dialog>
  )
}

function Report({ report, onTake }: { report: TuneReport; onTake: () => void }) {
  const { queries, k, choices, rows, indexedRows, vectorBytes, indexBytes } = report
  const search = useView((view) => view.search)
  const take = ({ ef, exact }: TuneChoice) => {
    useView.getState().setSearch({ ef, exact })
    onTake()
  }
  const inUse = ({ ef, exact }: TuneChoice) => (exact ? search.exact : !search.exact && search.ef === ef)
  const slowest = Math.max(...choices.map((choice) => choice.p50Us))
  return (
    <div className={styles.report}>
      <p>
        {counted(queries, 'row')} as queries, {k} neighbours each, on this machine and one thread. Queries
        that are not like the rows may find less.
        {indexedRows < rows && ' The index is not ready yet: measure again when it is.'}
      </p>
      <table className={styles.table}>
        <thead>
          <tr>
            <th>Search</th>
            <th>Recall@{k}</th>
            <th>Half within</th>
            <th>99% within</th>
            <th>Distances</th>
            <th>
              <span className={styles.hidden}>Take it</span>
            </th>
          </tr>
        </thead>
        <tbody>
          {choices.map((choice) => (
            <tr key={`${choice.ef} ${choice.exact}`} className={cx(inUse(choice) && styles.inUse)}>
              <td>{choiceWords(choice)}</td>
              <td>{recallWords(choice)}</td>
              <td>
                <span className={styles.bar} style={{ width: `${barWidth(choice.p50Us, slowest)}px` }} />
                {span(choice.p50Us)}
              </td>
              <td>{span(choice.p99Us)}</td>
              <td>{count(choice.distances)}</td>
              <td>
                {inUse(choice) ? (
                  <span className={styles.used}>In use</span>
                ) : (
                  <Button
                    aria-label={`Use ${choiceWords(choice)}`}
                    className={styles.take}
                    onClick={() => take(choice)}
                  >
                    Use
                  </Button>
                )}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
      <Facts>
        <Fact name="Vectors" value={bytes(vectorBytes)} />
        <Fact
          name="Index"
          value={
            indexedRows === 0
              ? 'none yet: every search compares with every row'
              : `${bytes(indexBytes)}, ${measure(indexBytes / indexedRows)} bytes a row${indexedRows < rows ? `, ${count(indexedRows)} rows` : ''}`
          }
        />
        <Fact name="Same neighbours" value={metricWords(report)} />
      </Facts>
    </div>
  )
}

function choiceWords({ ef, exact }: TuneChoice): string {
  if (exact) return 'Exact'
  return ef === null ? 'Automatic' : `ef ${count(ef)}`
}

/** Never 100% of what is not all. */
function recallWords({ recall, exact }: TuneChoice): string {
  if (exact || recall === 1) return '100%'
  return `${(Math.floor(recall * 1_000) / 10).toFixed(1)}%`
}

function span(us: number): string {
  return us < 1_000 ? `${measure(us)} µs` : `${measure(us / 1_000)} ms`
}

/** Widths are in proportion to times. */
function barWidth(us: number, slowest: number): number {
  return Math.max(2, Math.round((BAR_PX * us) / slowest))
}

const METRICS = { cosine: 'cosine', l2: 'L2', dot: 'dot product' } as const

function metricWords({ metric, metrics, norms: [least, most] }: TuneReport): string {
  if (most - least <= 1e-3 * most) return 'under every metric: the vectors are equally long'
  const shares = metrics
    .filter((other) => other.metric !== metric)
    .map(({ metric, shared }) => `${Math.round(shared * 100)}% under ${METRICS[metric]}`)
  return shares.join(', ')
}
