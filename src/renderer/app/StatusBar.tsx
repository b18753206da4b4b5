import { useQuery } from '@tanstack/react-query'
import { X } from 'lucide-react'
import { useEffect, useState } from 'react'
import type { CollectionInfo, IndexInfo, JobInfo, StoreInfo } from '../../contract/index.ts'
import { engine } from '../client/engine.ts'
import { shell } from '../client/shell.ts'
import { cancelJob } from '../state/actions.ts'
import { jobName } from '../state/jobs.ts'
import { useCollection, useView } from '../state/view.ts'
import { readHolder } from '../state/words.ts'
import { ago, bytes, count, counted, share, timeLeft } from '../ui/format.ts'
import { ProgressBar } from '../ui/pieces.tsx'
import styles from './app.module.css'

/** How long a line about something that happened stays, milliseconds. */
const NOTICE_MS = 8_000

/** The state of the store, always in sight. */
export function StatusBar() {
  const store = useView((view) => view.store)
  const selected = useView((view) => view.selection.length)
  const jobs = useView((view) => view.jobs)
  const notice = useView((view) => view.notice)
  const collection = useCollection()
  useEffect(() => {
    if (notice === null) return
    const timer = setTimeout(() => useView.getState().setNotice(null), NOTICE_MS)
    return () => clearTimeout(timer)
  }, [notice])
  return (
    <section className={styles.status} aria-label="State of the store">
      {collection && (
        <span className={selected > 0 ? styles.strong : undefined}>
          {selected > 0 ? `${count(selected)} selected` : 'none selected'}
        </span>
      )}
      {collection && <Indexes collection={collection} />}
      {store?.readOnly ? <Followed store={store} /> : store && <span>WAL {bytes(store.walBytes)}</span>}
      {Object.values(jobs).map((job) => (
        <Job key={job.job} job={job} />
      ))}
      {!store && <Versions />}
      <span className={styles.push} />
      <span className={styles.end} role="status">
        {notice}
      </span>
      {store && (
        <span className={notice === null ? styles.end : undefined}>{bytes(store.freeBytes)} free</span>
      )}
    </section>
  )
}

/** How often a time in words is told anew, milliseconds. */
const TELL_MS = 20_000

/** A store that is only read: who writes it, and when something new came from there. */
function Followed({ store }: { store: StoreInfo }) {
  const at = useView((view) => view.followedMs)
  const [, tell] = useState(0)
  useEffect(() => {
    const timer = setInterval(() => tell((n) => n + 1), TELL_MS)
    return () => clearInterval(timer)
  }, [])
  const writer = store.writer === null ? null : readHolder(store.writer)
  return (
    <>
      <span title={store.writer ?? undefined}>
        {writer ? `read-only, written by ${writer.program}` : 'read-only, nobody writes it now'}
      </span>
      {at !== null && <span data-followed={at}>updated {ago(new Date(at).toISOString(), Date.now())}</span>}
    </>
  )
}

/** Before a store is open: what runs here. */
function Versions() {
  const info = useQuery({ queryKey: ['shell'], queryFn: () => shell('info') })
  const engineInfo = useQuery({ queryKey: ['hello'], queryFn: () => engine.call('engine.hello', {}) })
  return (
    <>
      {info.data && <span>OmenDB {info.data.version}</span>}
      {engineInfo.data && <span>engine ready, {engineInfo.data.isa.toUpperCase()}</span>}
    </>
  )
}

/** How far the index of each vector column is; those that are equally far are told together. */
function Indexes({ collection: { vectors, rows } }: { collection: CollectionInfo }) {
  const told = new Map<string, { state: IndexInfo['state']; names: string[] }>()
  for (const { name, index } of vectors) {
    const text = indexText(index, rows)
    const same = told.get(text)
    if (same) same.names.push(name)
    else told.set(text, { state: index.state, names: [name] })
  }
  return [...told].map(([text, { state, names }]) => (
    <span key={text} data-index={state}>
      {told.size > 1 && `${names.join(', ')}: `}
      {text}
    </span>
  ))
}

function indexText(index: IndexInfo, rows: number): string {
  if (index.state === 'building') return `index building, ${Math.floor(index.progress * 100)} %`
  if (index.state === 'none') return 'no index: search is exact'
  const fresh = rows - index.indexedRows
  if (fresh <= 0) return 'index ready'
  return `index ready, ${counted(fresh, 'newer row')} ${fresh === 1 ? 'is' : 'are'} scanned`
}

function Job({ job }: { job: JobInfo }) {
  const done = share(job)
  const name =
    job.kind === 'import' ? `Importing ${job.collection}` : job.kind === 'map' ? 'Map' : jobName(job)
  const phase = job.kind === 'map' && job.phase ? `, ${job.phase}` : ''
  return (
    <span className={styles.job}>
      {name}
      {phase}
      {done !== null && ` ${Math.floor(done * 100)} %`}
      <span className={styles.jobBar}>
        <ProgressBar label={name} value={done} />
      </span>
      {timeLeft(job)}
      <button
        type="button"
        className={styles.jobStop}
        aria-label={`Cancel: ${name}`}
        title="Cancel"
        onClick={() => void cancelJob(job.job)}
      >
        <X size={12} aria-hidden="true" />
      </button>
    </span>
  )
}
