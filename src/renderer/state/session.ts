import { AppError } from '../../contract/index.ts'
import { engine } from '../client/engine.ts'
import { queryClient } from '../client/queries.ts'
import { count } from '../ui/format.ts'
import { closeQuietly, openGrant } from './actions.ts'
import { useView } from './view.ts'

/** Ties the engine's events to the view's state. Call once. */
export function startSession(onError: (error: AppError) => void): () => void {
  const stops = [
    engine.on('store.changed', (info) => useView.getState().storeChanged(info)),
    engine.on('job.progress', (job) => useView.getState().setJob(job)),
    engine.on('job.end', (end) => {
      const view = useView.getState()
      const result = end.kind === 'import' && end.result && 'rejectedRows' in end.result ? end.result : null
      if (!view.jobs[end.job]) {
        // It was over before its first progress.
        const { job, kind, store, collection } = end
        const rows = end.result?.rows ?? 0
        const progress = { phase: '', done: rows, total: rows, unit: 'rows' as const, rate: 0 }
        view.setJob({ job, kind, store, collection, ...progress, startedMs: Date.now() })
      }
      const error = end.error ? AppError.from(end.error) : null
      view.endJob(end.job, { state: end.state, error, result })
      // Its store was left while the job ran. The import dialog looks after the store that it made.
      if (view.store && view.store.store !== end.store && !view.importing) void closeQuietly(end.store)
      if (end.state === 'done') {
        view.setNotice(result ? `${count(result.rows)} rows imported` : 'Map drawn and saved')
      }
    }),
    engine.onReconnect(() => {
      useView.getState().setNotice('The engine stopped and was started again. Saved rows are kept.')
      void queryClient.invalidateQueries({ predicate: (query) => query.state.status === 'error' })
      void forgetDeadJobs()
    }),
    window.omendb.onOpen((grant) => {
      openGrant(grant).catch((error: unknown) => onError(AppError.from(error)))
    }),
  ]
  return () => {
    for (const stop of stops) stop()
  }
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
