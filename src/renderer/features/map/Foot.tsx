import type { JobInfo, MapInfo, MapState } from '../../../contract/index.ts'
import { cx, Tip } from '../../ui/controls.tsx'
import { count, counted, scoreText } from '../../ui/format.ts'
import styles from './map.module.css'

interface FootProps {
  info: MapInfo
  rows: number
  /** How the map stands to the rows as they are; null while that is not known. */
  state: MapState | null
  /** The job that judges a map of this collection. */
  judging: JobInfo | undefined
  /** Why the map cannot change now; null where it can. */
  why: string | null
  onKept: () => void
  onGoOn: () => void
  onPlace: () => void
}

/** Who laid it out. */
const METHODS: Record<string, string> = { umap: 'UMAP', pca: 'PCA' }
/** A map of which so many rows came or went since is out of date. */
const OUTDATED = 0.2

/** What the map is of, and how much of it is true. */
export function Foot({ info, rows, state, judging, why, onKept, onGoOn, onPlace }: FootProps) {
  const { score, of, vector, epoch, params, placed = 0 } = info
  const outdated = state !== null && state.newer + state.gone > info.rows * OUTDATED
  const stopped = epoch < params.epochs && info.method === 'umap'
  return (
    <div className={styles.foot} data-float data-map-foot>
      <span>
        {counted(rows, 'point')} by {METHODS[epoch === 0 ? 'pca' : info.method] ?? info.method}
      </span>
      {vector !== undefined && <span>of {vector}</span>}
      {of && (
        <span title={of.filter ?? undefined}>{of.filter === null ? 'of a selection' : 'of a filter'}</span>
      )}
      {params.target !== undefined && <span>pulled together by {params.target}</span>}
      {placed > 0 && <span>{count(placed)} placed later</span>}
      {outdated && <span className={styles.footOld}>out of date</span>}
      {state !== null && state.newer > 0 && (
        <span data-map-newer>
          {counted(state.newer, 'newer row')} not on it
          {why === null && info.method !== 'pca' && (
            <Tip side="top" label="Puts each among its neighbours and leaves the others where they are">
              <button type="button" className={cx(styles.footButton, styles.footMore)} onClick={onPlace}>
                Place
              </button>
            </Tip>
          )}
        </span>
      )}
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
