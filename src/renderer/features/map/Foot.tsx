import type { JobInfo, MapInfo } from '../../../contract/index.ts'
import { cx, Tip } from '../../ui/controls.tsx'
import { count, counted, scoreText } from '../../ui/format.ts'
import styles from './map.module.css'

interface FootProps {
  info: MapInfo
  rows: number
  /** Rows that came after the map was drawn. */
  missing: number
  /** The job that judges a map of this collection. */
  judging: JobInfo | undefined
  /** Why the map cannot change now; null where it can. */
  why: string | null
  onKept: () => void
  onGoOn: () => void
}

/** What the map is of, and how much of it is true. */
export function Foot({ info, rows, missing, judging, why, onKept, onGoOn }: FootProps) {
  const { score, of, epoch, params } = info
  const stopped = epoch < params.epochs && info.method === 'umap'
  return (
    <div className={styles.foot} data-float data-map-foot>
      <span>{counted(rows, 'point')}</span>
      {of && (
        <span title={of.filter ?? undefined}>{of.filter === null ? 'of a selection' : 'of a filter'}</span>
      )}
      {params.target !== undefined && <span>pulled together by {params.target}</span>}
      {!of && missing > 0 && <span>{counted(missing, 'newer row')} not on it: redraw</span>}
      {stopped && (
        <span>
          stopped after {count(epoch)} of {count(params.epochs)} epochs
          {why === null && (
            <button type="button" className={cx(styles.footButton, styles.footMore)} onClick={onGoOn}>
              Go on
            </button>
          )}
        </span>
      )}
      {score && (
        <span>
          <Tip side="top" label={meaning(score)}>
            <button type="button" className={styles.footButton} onClick={onKept} data-map-score>
              trust {scoreText(score.trustworthiness)}, continuity {scoreText(score.continuity)}
            </button>
          </Tip>
        </span>
      )}
      {!score && judging && (
        <span>
          measuring how true it is
          {judging.total > 0 && `, ${Math.floor((judging.done / judging.total) * 100)} %`}
        </span>
      )}
    </div>
  )
}

const meaning = ({ k, sample, kept }: NonNullable<MapInfo['score']>): string =>
  `A flat picture cannot keep everything. Trust: what lies together is near. Continuity: what is near lies together. 1 is all. By the ${k} nearest of ${counted(sample, 'row')}; a row keeps ${Math.round(kept * 100)} % of them. Click to see where.`
