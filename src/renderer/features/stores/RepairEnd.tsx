import { CircleAlert, CircleCheck } from 'lucide-react'
import type { RepairReport } from '../../../contract/index.ts'
import { count, counted, sentence } from '../../ui/format.ts'
import styles from './copies.module.css'

/** What was kept, what was lost and where, in each collection. */
export function RepairEnd({ report }: { report: RepairReport }) {
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
        {report.collections.flatMap((one) =>
          one.lost.map((loss) => (
            <li key={`${one.name} ${loss.segment}`}>
              {counted(loss.rows, 'row')} of {one.name} in <span className="mono">{loss.segment}</span>:{' '}
              {loss.reason}
            </li>
          )),
        )}
        {report.notes.map((note) => (
          <li key={note}>{sentence(note)}</li>
        ))}
      </ul>
    </div>
  )
}
