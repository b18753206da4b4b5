import { CircleAlert, CircleCheck } from 'lucide-react'
import type { RepairReport } from '../../../contract/index.ts'
import { brief, count, counted, sentence } from '../../ui/format.ts'
import { CopyButton } from '../../ui/pieces.tsx'
import styles from './copies.module.css'

/** What was kept, what was lost and where, in each collection. */
export function RepairEnd({ report }: { report: RepairReport }) {
  const losses = report.collections.flatMap(({ name, lost }) => lost.map((loss) => ({ name, loss })))
  return (
    <div className={styles.form}>
      <table className={styles.table}>
        <thead>
          <tr>
            <th scope="col">Collection</th>
            <th scope="col">Rows kept</th>
            <th scope="col">Rows lost</th>
          </tr>
        </thead>
        <tbody>
          {report.collections.map((one) => (
            <tr key={one.name}>
              <td>
                <span className={one.rowsLost > 0 ? styles.lost : styles.kept}>
                  {one.rowsLost > 0 ? (
                    <CircleAlert size={14} aria-hidden="true" />
                  ) : (
                    <CircleCheck size={14} aria-hidden="true" />
                  )}
                </span>
                {one.name}
              </td>
              <td>{count(one.rowsKept)}</td>
              <td>{one.rowsLost > 0 ? count(one.rowsLost) : 'none'}</td>
            </tr>
          ))}
        </tbody>
      </table>
      <ul className={styles.notes}>
        {losses.slice(0, LOSSES_MAX).map(({ name, loss }) => (
          <li key={`${name} ${loss.segment} ${loss.first}`}>
            {counted(loss.rows, 'row')} of {name} from row {count(loss.first)}, in{' '}
            <span className="mono">{loss.segment}</span>: {loss.reason}
            {loss.ids.length > 0 && <span className={styles.ids}>{idsWords(loss.ids, loss.rows)}</span>}
          </li>
        ))}
        {losses.length > LOSSES_MAX && <li>and {count(losses.length - LOSSES_MAX)} more places</li>}
        {report.notes.map((note) => (
          <li key={note}>{sentence(note)}</li>
        ))}
      </ul>
      {losses.length > 0 && (
        <div className={styles.report}>
          <CopyButton small label="Copy the whole report" text={() => JSON.stringify(report, null, 2)} />
          <span>The whole report, with every place and the ids that could be read</span>
        </div>
      )}
    </div>
  )
}

/** Places that are listed; the copied report has all. */
const LOSSES_MAX = 20
const IDS_MAX = 6

/** "king, queen and 1,022 more" */
function idsWords(ids: readonly (string | number)[], rows: number): string {
  const named = ids.slice(0, IDS_MAX).map((id) => brief(String(id)))
  const more = rows - named.length
  return more > 0 ? `${named.join(', ')} and ${count(more)} more` : named.join(', ')
}
