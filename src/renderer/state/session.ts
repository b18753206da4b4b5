import { AppError, type Events, type JobInfo } from '../../contract/index.ts'
import { engine } from '../client/engine.ts'
import { queryClient } from '../client/queries.ts'
import { bytes, counted } from '../ui/format.ts'
import { closeQuietly, openGrant } from './actions.ts'
import { redo, sayClustered, sayImported, sayProblem, undo } from './changes.ts'
import { saySnapshot } from './copies.ts'
import { startEditMenu } from './editmenu.ts'
import { startRecent } from './recent.ts'
import { say } from './toast.ts'
import { useView } from './view.ts'

/** Ties the engine's events to the view's state. Call once. */
export function startSession(onError: (error: AppError) => void): () => void {
  const stops = [
    engine.on('store.changed', (info) => useView.getState().storeChanged(info)),
    engine.on('job.progress', (job) => useView.getState().setJob(job)),
    engine.on('job.end', (end) => {
      const view = useView.getState()
      // It was over before its first progress.
      if (!view.jobs[end.job]) view.setJob(unseen(end))
      const error = end.error ? AppError.from(end.error) : null
      view.endJob(end.job, { state: end.state, error, result: end.result ?? null })
      if (error) noteTrouble(error, end.kind === 'snapshot' ? '' : end.store)
      // Its store was left while the job ran. The import dialog looks after the store that it made.
      const left = end.store !== '' && view.store && view.store.store !== end.store
      if (left && !view.importing) void closeQuietly(end.store)
      if (end.state === 'done') sayEnd(end)
    }),
    engine.onFailure(noteTrouble),
    engine.onReconnect(() => {
      useView.getState().setNotice('The engine stopped and was started again. Saved rows are kept.')
      // The stores were opened anew with it.
      useView.getState().setTrouble(null)
      void queryClient.invalidateQueries({ predicate: (query) => query.state.status === 'error' })
      void forgetDeadJobs()
    }),
    window.omendb.onOpen((grant) => {
      openGrant(grant).catch((error: unknown) => onError(AppError.from(error)))
    }),
    startRecent(),
    startEditMenu((command) => void (command === 'undo' ? undo() : redo()).catch(sayProblem)),
  ]
  return () => {
    for (const stop of stops) stop()
  }
}

function unseen({ job, kind, store, collection }: Events['job.end']): JobInfo {
  return {
    job,
    kind,
    store,
    collection,
    phase: '',
    done: 0,
    total: 0,
    unit: 'rows',
    rate: 0,
    startedMs: Date.now(),
  }
}

function sayEnd(end: Events['job.end']): void {
  const { dialog, store } = useView.getState()
  // The dialog that waits for it says more.
  if (dialog?.kind === end.kind || (dialog?.kind === 'copy' && dialog.copy === end.kind)) return
  switch (end.kind) {
    case 'import':
      if (end.result) void sayImported(end.store, end.collection, end.result.rows)
      break
    case 'map':
      useView
        .getState()
        .setNotice(store?.readOnly ? 'Map drawn, kept until the store is closed' : 'Map drawn and saved')
      break
    case 'snapshot':
      if (end.result) saySnapshot(end.job, end.result)
      break
    case 'compact':
      if (end.result) say(`Compacted: ${bytes(end.result.freed)} given back`)
      break
    case 'restore':
      if (end.result) say(`Restored ${counted(end.result.files, 'file')}, ${bytes(end.result.bytes)}`)
      break
    case 'cluster':
      if (end.result) void sayClustered(end.store, end.collection, end.result.clusters)
      break
    case 'judge':
    case 'repair':
    case 'tune':
      break
  }
}

/** After these the open store takes no more writes until it is opened again: the window says so. */
function noteTrouble(error: AppError, store: string): void {
  const view = useView.getState()
  if (store === '' || view.store?.store !== store) return
  // The first reason says more than that nothing goes any more.
  if (error.code === 'DISK_FULL' || (error.code === 'STORE_POISONED' && !view.trouble)) view.setTrouble(error)
}

/** Jobs died with the engine that ran them. */
async function forgetDeadJobs(): Promise<void> {
  const alive = new Set((await engine.call('job.list', {}).catch(() => [])).map((job) => job.job))
  for (const job of Object.keys(useView.getState().jobs)) {
    if (alive.has(job)) continue
    const error = new AppError({
      code: 'ENGINE_RESTARTED',
      message:
        'The engine stopped while this was under way. What was saved before is kept, and nothing of this.',
      remedy: 'Start it again.',
      retry: true,
    })
    useView.getState().endJob(job, { state: 'failed', error, result: null })
  }
}
