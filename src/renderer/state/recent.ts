import { create } from 'zustand'
import type { HistoryEntry, StoreInfo } from '../../contract/index.ts'
import { engine } from '../client/engine.ts'
import { useView } from './view.ts'

/** The newest changes of the open store, at hand for labels: a revert is told by what it took back. */

/** Entries that are kept at hand. */
const RECENT = 200

interface RecentState {
  store: string
  entries: HistoryEntry[]
}

export const useRecent = create<RecentState>()(() => ({ store: '', entries: [] }))

/** An entry by its number, if it is a recent one of the open store. */
export function recentEntry(seq: number): HistoryEntry | undefined {
  return useRecent.getState().entries.find((entry) => entry.seq === seq)
}

/** The newest change, if it took a collection away and that stands. */
export function lastDropped(): HistoryEntry | null {
  const [newest] = useRecent.getState().entries
  return newest?.kind === 'drop' && !newest.undone ? newest : null
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
  if (entries && useView.getState().store?.store === store) useRecent.setState({ store, entries })
}

/** Follows the open store. Returns the way to stop. */
export function startRecent(): () => void {
  let seen = ''
  const follow = ({ store }: { store: StoreInfo | null }) => {
    const now = sign(store)
    if (now === seen) return
    seen = now
    if (store?.store !== useRecent.getState().store) useRecent.setState({ store: '', entries: [] })
    if (store) void fetchRecent(store.store)
  }
  follow(useView.getState())
  return useView.subscribe(follow)
}
