import { Check, Square } from 'lucide-react'
import type { JobInfo } from '../../../contract/index.ts'
import { cancelJob, stopMap } from '../../state/actions.ts'
import { IconButton } from '../../ui/controls.tsx'
import { count, share, timeLeft } from '../../ui/format.ts'
import { ProgressBar } from '../../ui/pieces.tsx'
import styles from './map.module.css'

/** What can be left out, or ended where it is. */
const STOPPABLE = new Set(['index', 'neighbour graph', 'layout'])

/** How far the map is, with the ways to stop it; `keeps`: what is there can be kept. */
export function Forming({ job, keeps }: { job: JobInfo; keeps: boolean }) {
  const left = timeLeft(job)
  const done = job.total > 0 ? `${count(job.done)} of ${count(job.total)} ${job.unit}` : ''
  return (
    <div className={styles.forming} data-float>
      <div className={styles.formingText}>
        <span className={styles.formingPhase}>{phrase(job.phase)}</span>
        <span className={styles.formingNote}>{[done, left].filter(Boolean).join(' · ')}</span>
      </div>
      <ProgressBar label="Drawing the map" value={share(job)} />
      <span className={styles.formingButtons}>
        {keeps && STOPPABLE.has(job.phase) && (
          <IconButton label="Stop here and keep it" small side="top" onClick={() => void stopMap(job.job)}>
            <Check size={13} aria-hidden="true" />
          </IconButton>
        )}
        <IconButton label="Stop drawing" small side="top" onClick={() => void cancelJob(job.job)}>
          <Square size={11} fill="currentColor" aria-hidden="true" />
        </IconButton>
      </span>
    </div>
  )
}

const phrase = (phase: string): string =>
  phase === '' ? 'Starting' : phase.charAt(0).toUpperCase() + phase.slice(1)
