import { AppError, type HistoryEntry, type Params, type Results } from '../../contract/index.ts'
import { engine } from '../client/engine.ts'
import { counted } from '../ui/format.ts'
import { applyFilter, currentSource, refresh } from './actions.ts'
import { lastDropped, recentEntry } from './recent.ts'
import { hasRow, minus } from './rows.ts'
import { say, useToast } from './toast.ts'
import { collectionOf, useView } from './view.ts'
import { entryTitle, redone, setNote } from './words.ts'

/** Everything that changes rows, and the ways back. What fails throws what the engine says; nothing is changed then. */

/** What a cell can be given. */
export type NewCell = Params<'rows.edit'>['changes'][string]

/** Takes the newest state from the engine at once, instead of waiting for its news. */
async function look(store: string): Promise<void> {
  useView.getState().storeChanged(await engine.call('store.info', { store }))
}

/** What undo would take back now; null: nothing. */
function lastChange(id: string, collection: string): HistoryEntry | null {
  const { store } = useView.getState()
  return store?.store === id ? (collectionOf({ store, collection })?.undo ?? null) : null
}

/** Says what was done and offers the way back, for this change only: not if another came after it. */
function sayDone(text: string, store: string, entry: HistoryEntry | null): void {
  if (!entry) {
    say(text)
    return
  }
  const undo = async () => {
    if (lastChange(store, entry.collection)?.seq !== entry.seq) {
      say('Something else was changed since; History has the way back')
      return
    }
    await undoOnce('history.undo', entry.collection)
  }
  say(text, { label: 'Undo', keys: 'Mod+Z', run: () => void undo().catch(sayProblem) })
}

/** For ways that end in no other place: a toast with what went wrong. */
export function sayProblem(thrown: unknown): void {
  const { message, remedy } = AppError.from(thrown)
  say(`${message} ${remedy}`.trim())
}

/** False where nothing is kept of a change: then it is asked about before, once and plainly. */
export function keepsHistory(): boolean {
  const rule = useView.getState().store?.history.rule
  return rule !== undefined && rule.maxEntries > 0 && rule.maxAgeDays > 0 && rule.maxBytes > 0
}

/** Deletes rows at once where that can be undone; asks otherwise. */
export function askDelete(rows: Uint32Array): void {
  if (rows.length === 0) return
  if (keepsHistory()) void deleteRows(rows).catch(sayProblem)
  else useView.getState().setDialog({ kind: 'delete', rows })
}

export function askDrop(store: string, collection: string): void {
  if (keepsHistory()) void dropCollection(store, collection).catch(sayProblem)
  else useView.getState().setDialog({ kind: 'drop', collection })
}

/** The rows of the last delete: they are selected again when they come back. */
let lastDeleted: { seq: number; rows: Uint32Array } | null = null

/** Deletes rows. They can come back for as long as the history reaches. */
export async function deleteRows(rows: Uint32Array): Promise<void> {
  const source = currentSource()
  if (!source) return
  const { store, collection } = source
  const { deleted } = await engine.call('row.delete', { store, collection, rows: new Uint32Array(rows) })
  await look(store)
  const view = useView.getState()
  view.select(minus(view.selection, rows))
  if (view.active !== null && hasRow(rows, view.active)) view.setActive(null)
  const { result } = view.search
  if (result) {
    view.setSearch({ result: { ...result, hits: result.hits.filter((hit) => !hasRow(rows, hit.row)) } })
  }
  if (view.matching) view.setFilter(view.filter, minus(view.matching, rows))
  const entry = deleted > 0 ? lastChange(store, collection) : null
  lastDeleted = entry && { seq: entry.seq, rows }
  sayDone(`Deleted ${counted(deleted, 'row')}`, store, entry)
}

/** An import that has just ended. */
export async function sayImported(store: string, collection: string, rows: number): Promise<void> {
  const text = `Imported ${counted(rows, 'row')}`
  try {
    const info = await engine.call('store.info', { store })
    useView.getState().storeChanged(info)
    const last = collectionOf({ store: info, collection })?.undo ?? null
    sayDone(text, store, last?.kind === 'import' || last?.kind === 'create' ? last : null)
  } catch {
    // The way back is in the history, if the store was closed meanwhile.
    say(text)
  }
}

/** Gives one column of many rows one value; null takes the value away. The column is made if it is not there. */
export async function setColumn(rows: Uint32Array, column: string, value: string | null): Promise<void> {
  const note = setNote(column, value)
  const edited = await edit(rows, { [column]: value }, note)
  if (!edited) return
  useView.getState().showColumn(column)
  sayDone(`${note} in ${counted(edited.changed, 'row')}`, edited.store, edited.entry)
}

/** Gives one cell another value. */
export async function setCell(row: number, column: string, value: NewCell): Promise<void> {
  const note = setNote(column, value === null ? null : String(value))
  const edited = await edit(Uint32Array.of(row), { [column]: value }, note)
  if (edited) sayDone(`${note} in ${counted(edited.changed, 'row')}`, edited.store, edited.entry)
}

type Edited = Results['rows.edit'] & { store: string }

async function edit(
  rows: Uint32Array,
  changes: Record<string, NewCell>,
  note: string,
): Promise<Edited | null> {
  const source = currentSource()
  if (!source) return null
  const { store, collection } = source
  const edited = await engine.call('rows.edit', {
    store,
    collection,
    rows: new Uint32Array(rows),
    changes,
    note,
  })
  await look(store)
  const { filter } = useView.getState()
  // The rows may pass the filter now, or not any more; hits show the new values.
  await applyFilter(filter).catch(() => undefined)
  return { ...edited, store }
}

/** Takes a whole collection out of the store. It can be brought back. */
export async function dropCollection(store: string, collection: string): Promise<void> {
  const info = await engine.call('collection.drop', { store, collection })
  useView.getState().storeChanged(info)
  const [entry] = await engine.call('store.history', { store, limit: 1 }).catch(() => [])
  const text = `Deleted the collection ${collection}`
  if (entry?.kind !== 'drop' || entry.collection !== collection) {
    say(text)
    return
  }
  say(text, { label: 'Undo', run: () => void goBack(entry).catch(sayProblem) })
}

export const undo = (): Promise<void> => step('history.undo')
export const redo = (): Promise<void> => step('history.redo')

async function step(op: 'history.undo' | 'history.redo'): Promise<void> {
  const { collection } = useView.getState()
  if (collection !== null) return undoOnce(op, collection)
  // Where no collection is open, undo brings back the one that was just deleted.
  const dropped = lastDropped()
  if (op === 'history.undo' && dropped) await goBack(dropped)
}

async function undoOnce(op: 'history.undo' | 'history.redo', collection: string): Promise<void> {
  const { store } = useView.getState()
  if (!store) return
  // Told by the entries as they are before.
  const { undo: last, redo: revert } = collectionOf({ store, collection }) ?? {}
  const taken = op === 'history.undo' ? last : revert && redone(revert, recentEntry)
  const title = taken ? entryTitle(taken, recentEntry) : 'the last change'
  await engine.call(op, { store: store.store, collection })
  await look(store.store)
  await refresh()
  if (op === 'history.undo' && lastDeleted && lastDeleted.seq === last?.seq) {
    useView.getState().select(lastDeleted.rows)
  }
  if (op === 'history.redo') say(`Redid ${title}`)
  else {
    const way = { label: 'Redo', keys: 'Mod+Shift+Z', run: () => void redo().catch(sayProblem) }
    say(`Undid ${title}`, way)
  }
}

/** Takes the collection back to how it was before an entry. This is a change too, and can be undone. */
export async function goBack(entry: HistoryEntry): Promise<void> {
  const { store } = useView.getState()
  if (!store) return
  const title = entryTitle(entry, recentEntry)
  await engine.call('history.revert', { store: store.store, seq: entry.seq })
  if (useView.getState().looking) useView.getState().setLooking(null)
  await look(store.store)
  await refresh()
  const text = `Went back to before ${title}`
  const now = lastChange(store.store, entry.collection)
  sayDone(text, store.store, now?.kind === 'revert' ? now : null)
}

/** Shows a collection as it was before an entry. Nothing is changed by looking. */
export async function lookAt(entry: HistoryEntry): Promise<void> {
  const view = useView.getState()
  if (view.collection !== entry.collection) view.setCollection(entry.collection)
  if (view.screen !== 'map' && view.screen !== 'table') view.setScreen('table')
  useView.getState().setLooking(entry)
  useToast.getState().hush()
  await refresh()
}

export async function returnToNow(): Promise<void> {
  useView.getState().setLooking(null)
  await refresh()
}
