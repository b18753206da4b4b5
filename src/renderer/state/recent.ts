import { create } from 'zustand'
import type { HistoryEntry, StoreInfo } from '../../contract/index.ts'
import { engine } from '../client/engine.ts'
import { NO_PAST, type Past, pastOf } from './past.ts'
import { useView } from './view.ts'

/** The newest changes of the open store, at hand for labels: a revert is told by what it took back. */

/** Entries that are kept at hand. */
const RECENT = 200

interface RecentState {
  store: string
  entries: HistoryEntry[]
  past: Past
}

const NONE = { store: '', entries: [], past: NO_PAST }

export const useRecent = create<RecentState>()(() => NONE)

/** The newest changes of the open store, to be asked about. */
export function recentPast(): Past {
  return useRecent.getState().past
}

/**
 * The newest change, if it took a collection away that is not there now: a drop, or a revert to before it was made.
 * Undo, or redo, of no open collection means this one.
 */
export function lastGone(): HistoryEntry | null {
  const [newest] = useRecent.getState().entries
  const { store } = useView.getState()
  if (!newest || newest.undone || (newest.kind !== 'drop' && newest.kind !== 'revert')) return null
  return store?.collections.some((one) => one.name === newest.collection) ? null : newest
}

/** What tells that the history is another one. */
function sign(store: StoreInfo | null): string {
  if (!store) return ''
  const tips = store.collections.map(({ undo, redo }) => `${undo?.seq} ${undo?.until} ${redo?.seq}`)
  return `${store.store} ${store.history.entries} ${tips.join()}`
}

/** Asks for the newest entries now, and resolves when they are at hand. */
export async function fetchRecent(store: string): Promise<void> {
  const entries = await engine.call('store.history', { store, limit: RECENT }).catch(() => null)
  if (entries && useView.getState().store?.store === store)
    useRecent.setState({ store, entries, past: pastOf(entries) })
}

/** Follows the open store. Returns the way to stop. */
export function startRecent(): () => void {
  let seen = ''
  const follow = ({ store }: { store: StoreInfo | null }) => {
    const now = sign(store)
    if (now === seen) return
    seen = now
    if (store?.store !== useRecent.getState().store) useRecent.setState(NONE)
    if (store) void fetchRecent(store.store)
  }
  follow(useView.getState())
  return useView.subscribe(follow)
}
