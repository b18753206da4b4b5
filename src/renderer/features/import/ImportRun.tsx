import type { ImportResult } from '../../../contract/index.ts'
import { useView } from '../../state/view.ts'
import { count, counted, seconds, share, timeLeft } from '../../ui/format.ts'
import { ProgressBar } from '../../ui/pieces.tsx'
import styles from './import.module.css'

/** Rows, rows a second and time left of a running import. */
export function ImportProgress({ job: id }: { job: string }) {
  const job = useView((view) => view.jobs[id])
  const done = job ? share(job) : null
  return (
    <div className={styles.running}>
      <div className={styles.runningLine}>
        <span className={styles.big}>
          {job ? `${count(job.done)} ${job.unit}` : 'Starting'}
          {job && job.total > 0 && <span className={styles.secondary}> of {count(job.total)}</span>}
        </span>
      </div>
      <ProgressBar label="Import" value={done} />
      <div className={`${styles.runningLine} ${styles.secondary}`}>
        <span>{job && job.rate > 0 ? `${count(job.rate)} ${job.unit} a second` : (job?.phase ?? '')}</span>
        <span>{job ? timeLeft(job) : ''}</span>
      </div>
    </div>
  )
}

/** What came of it, with the rows that were left out and why. */
export function ImportEnd({ result }: { result: ImportResult }) {
  const { rows, replaced, rejected, rejectedRows, seconds: took } = result
  return (
    <div className={styles.result}>
      <p>
        <strong>{counted(rows, 'row')}</strong> in {seconds(took)}
        {replaced > 0 && `, ${count(replaced)} of them in place of rows with the same id`}.{' '}
        {rejected > 0 && (
          <>
            <strong>{counted(rejected, 'row')}</strong> left out.
          </>
        )}
      </p>
      {rejectedRows.length > 0 && (
        <div className={`${styles.tableWrap} ${styles.rejected}`}>
          <table className={styles.table}>
            <thead>
              <tr>
                <th scope="col">Row</th>
                <th scope="col">Line</th>
                <th scope="col">Column</th>
                <th scope="col">Reason</th>
              </tr>
            </thead>
            <tbody className="selectable">
              {rejectedRows.map((row) => (
                <tr key={row.row}>
                  <td className={styles.number}>{count(row.row)}</td>
                  <td className={styles.number}>{row.line === null ? '–' : count(row.line)}</td>
                  <td>{row.column ?? '–'}</td>
                  <td title={row.reason} style={{ width: '100%' }}>
                    {row.reason}
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
      {rejected > rejectedRows.length && (
        <p className={styles.secondary}>The first {count(rejectedRows.length)} are listed.</p>
      )}
    </div>
  )
}
