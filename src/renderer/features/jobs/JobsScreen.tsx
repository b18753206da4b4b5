import {
  ArchiveRestore,
  Ban,
  Camera,
  CircleAlert,
  CircleCheck,
  FileInput,
  Gauge,
  ListChecks,
  Map as MapIcon,
  Scale,
  Shapes,
  Shrink,
  Wrench,
} from 'lucide-react'
import type { JobInfo, JobKind } from '../../../contract/index.ts'
import { cancelJob } from '../../state/actions.ts'
import { jobName, resultWords } from '../../state/jobs.ts'
import { type EndedJob, useView } from '../../state/view.ts'
import { Button, cx } from '../../ui/controls.tsx'
import { ago, bytes, count, share, timeLeft } from '../../ui/format.ts'
import { Empty, ErrorNote, ProgressBar } from '../../ui/pieces.tsx'
import styles from './jobs.module.css'

/** What runs, and what came of what ran since the window opened. */
export function JobsScreen() {
  const jobs = useView((view) => view.jobs)
  const ended = useView((view) => view.ended)
  const running = Object.values(jobs).sort((a, b) => a.startedMs - b.startedMs)
  return (
    <div className={styles.screen}>
      <div className={styles.inner}>
        <h1 className={styles.title}>Jobs</h1>
        {running.length + ended.length === 0 ? (
          <div className={styles.empty}>
            <Empty icon={<ListChecks size={24} aria-hidden="true" />} title="Nothing has run yet">
              Imports, maps and snapshots are listed here while they run, and what came of them.
            </Empty>
          </div>
        ) : (
          <ul className={styles.list}>
            {running.map((job) => (
              <Running key={job.job} job={job} />
            ))}
            {ended.map((job) => (
              <Ended key={job.job} job={job} />
            ))}
          </ul>
        )}
      </div>
    </div>
  )
}

const ICONS: Record<JobKind, typeof FileInput> = {
  import: FileInput,
  map: MapIcon,
  compact: Shrink,
  snapshot: Camera,
  restore: ArchiveRestore,
  repair: Wrench,
  tune: Gauge,
  judge: Scale,
  cluster: Shapes,
}

function Running({ job }: { job: JobInfo }) {
  const Icon = ICONS[job.kind]
  const size = (value: number) => (job.unit === 'bytes' ? bytes(value) : count(value))
  const unit = job.unit === 'bytes' ? '' : ` ${job.unit}`
  const facts = [
    job.phase,
    job.total > 0 ? `${size(job.done)} of ${size(job.total)}${unit}` : `${size(job.done)}${unit}`,
    job.rate > 0 ? `${size(job.rate)} a second` : '',
    timeLeft(job),
  ]
  return (
    <li className={styles.job}>
      <span className={styles.icon}>
        <Icon size={16} aria-hidden="true" />
      </span>
      <div>
        <p className={styles.name}>{jobName(job)}</p>
        <p className={styles.sub}>{facts.filter(Boolean).join(' · ')}</p>
      </div>
      <Button onClick={() => void cancelJob(job.job)}>Cancel</Button>
      <div className={styles.wide}>
        <ProgressBar label={jobName(job)} value={share(job)} />
      </div>
    </li>
  )
}

const STATES: Record<EndedJob['state'], string> = { done: 'Done', failed: 'Failed', cancelled: 'Cancelled' }

function Ended({ job }: { job: EndedJob }) {
  const Icon = job.state === 'done' ? CircleCheck : job.state === 'failed' ? CircleAlert : Ban
  const rejected = job.kind === 'import' ? (job.result?.rejectedRows ?? []) : []
  const result = resultWords(job)
  return (
    <li className={styles.job}>
      <span
        className={cx(
          styles.icon,
          job.state === 'done' && styles.done,
          job.state === 'failed' && styles.failed,
        )}
      >
        <Icon size={16} aria-hidden="true" />
      </span>
      <div>
        <p className={styles.name}>{jobName(job)}</p>
        <p className={styles.sub}>
          {STATES[job.state]}
          {result && ` · ${result}`}
          {job.state === 'cancelled' && ' · nothing was kept'}
        </p>
      </div>
      <span className={styles.side}>{ago(new Date(job.endedMs).toISOString(), Date.now())}</span>
      {job.error && job.state === 'failed' && (
        <div className={styles.wide}>
          <ErrorNote error={job.error} />
        </div>
      )}
      {rejected.length > 0 && (
        <div className={styles.wide}>
          <ul className={styles.rejected} aria-label="Rows that were left out">
            {rejected.map((row) => (
              <li key={row.row}>
                <span>{row.line === null ? `row ${count(row.row)}` : `line ${count(row.line)}`}</span>
                <span>{row.column}</span>
                <span>{row.reason}</span>
              </li>
            ))}
          </ul>
        </div>
      )}
    </li>
  )
}
