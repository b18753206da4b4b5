import type { Handlers } from '../context.ts'
import { historyEntry, type NativeEntry, storeInfo } from '../info.ts'

export const historyOperations: Handlers<
  'store.history' | 'history.revert' | 'history.undo' | 'history.redo' | 'history.rule' | 'history.forget'
> = {
  'store.history': async ({ store, limit }, { sessions }) => {
    const entries = JSON.parse(await sessions.get(store).native.history(limit)) as NativeEntry[]
    return entries.map(historyEntry)
  },

  'history.revert': async ({ store, seq, note }, { sessions }) =>
    entryOf(await sessions.toWrite(store).native.revert(seq, note ?? null)),

  'history.undo': async ({ store, collection }, { sessions }) =>
    entryOf(await sessions.toWrite(store).native.undo(collection)),

  'history.redo': async ({ store, collection }, { sessions }) =>
    entryOf(await sessions.toWrite(store).native.redo(collection)),

  'history.rule': async ({ store, rule }, { sessions }) => {
    const session = sessions.toWrite(store)
    await session.native.setHistoryRule(JSON.stringify(rule))
    return storeInfo(session)
  },

  'history.forget': async ({ store }, { sessions }) =>
    JSON.parse(await sessions.toWrite(store).native.forgetHistory()) as { entries: number },
}

function entryOf(text: string) {
  return historyEntry(JSON.parse(text) as NativeEntry)
}
