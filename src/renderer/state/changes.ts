import { AppError, type HistoryEntry, type Params, type Results } from '../../contract/index.ts'
import { engine } from '../client/engine.ts'
import { counted } from '../ui/format.ts'
import { applyFilter, currentSource, refresh } from './actions.ts'
import { fetchRecent, lastGone, recentPast } from './recent.ts'
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
    if (entry.kind === 'revert') return redoStep(entry)
    if (lastChange(store, entry.collection)?.seq !== entry.seq) {
      say('Something else was changed since; History has the way back')
      return
    }
    await undoLast(entry.collection)
  }
  say(text, { label: 'Undo', keys: 'Mod+Z', run: () => void undo().catch(sayProblem) })
}

/** What went wrong with a change, for the place where it was made. Of a store in trouble the banner tells the whole. */
export function problemOf(thrown: unknown): AppError {
  const error = AppError.from(thrown)
  if (error.code === 'DISK_FULL') {
    return new AppError({ ...error.toData(), message: 'Nothing was changed: the disk is full.', remedy: '' })
  }
  if (error.code === 'STORE_POISONED') {
    const message = 'Nothing was changed: the store has to be opened again first.'
    return new AppError({ ...error.toData(), message, remedy: '' })
  }
  return error
}

/** For ways that end in no other place: a toast with what went wrong. */
export function sayProblem(thrown: unknown): void {
  const { message, remedy } = problemOf(thrown)
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
export const sayImported = (store: string, collection: string, rows: number): Promise<void> =>
  sayEnded(`Imported ${counted(rows, 'row')}`, store, collection, ['import', 'create'])

/** Clusters that have just been found and written. */
export const sayClustered = (store: string, collection: string, clusters: number): Promise<void> =>
  sayEnded(`Found ${counted(clusters, 'cluster')}`, store, collection, ['edit'])

/** A job that changed a collection, with the way back if that was the last change. */
async function sayEnded(
  text: string,
  store: string,
  collection: string,
  kinds: HistoryEntry['kind'][],
): Promise<void> {
  try {
    const info = await engine.call('store.info', { store })
    useView.getState().storeChanged(info)
    const last = collectionOf({ store: info, collection })?.undo ?? null
    sayDone(text, store, last && kinds.includes(last.kind) ? last : null)
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

/** Takes the last change of the open collection back; where none is open, brings back one that was just deleted. */
export async function undo(): Promise<void> {
  const { collection } = useView.getState()
  if (collection !== null) return undoLast(collection)
  const gone = lastGone()
  if (gone?.kind === 'drop') await goBack(gone)
}

/** Takes the last undo of the open collection back. */
export async function redo(): Promise<void> {
  const { collection } = useView.getState()
  const revert = collection === null ? lastGone() : collectionOf(useView.getState())?.redo
  if (revert?.kind === 'revert') await redoStep(revert)
}

async function undoLast(collection: string): Promise<void> {
  const { store } = useView.getState()
  if (!store) return
  const last = lastChange(store.store, collection)
  // Told by the entries as they are before.
  const title = last ? entryTitle(last, recentPast()) : 'the last change'
  const revert = await engine.call('history.undo', { store: store.store, collection })
  await settle(store.store)
  if (lastDeleted && lastDeleted.seq === last?.seq) useView.getState().select(lastDeleted.rows)
  const way = { label: 'Redo', keys: 'Mod+Shift+Z', run: () => void redoStep(revert).catch(sayProblem) }
  say(`Undid ${title}`, way)
}

/** Redo by what it takes back: its collection may be gone, if its making was undone. */
async function redoStep(revert: HistoryEntry): Promise<void> {
  const { store } = useView.getState()
  if (!store) return
  const past = recentPast()
  const title = entryTitle(redone(past.get(revert.seq) ?? revert, past), past)
  const there = collectionOf({ store, collection: revert.collection })
  // Not if something else was changed since: that would go with it.
  if (there && there.redo?.seq !== revert.seq) {
    say('Something else was changed since; History has the way back')
    return
  }
  await engine.call('history.redo', { store: store.store, collection: revert.collection })
  await settle(store.store)
  if (!there) useView.getState().setCollection(revert.collection)
  say(`Redid ${title}`)
}

/** Takes the collection back to how it was before an entry. This is a change too, and can be undone. */
export async function goBack(entry: HistoryEntry): Promise<void> {
  const { store } = useView.getState()
  if (!store) return
  const title = entryTitle(entry, recentPast())
  const revert = await engine.call('history.revert', { store: store.store, seq: entry.seq })
  if (useView.getState().looking) useView.getState().setLooking(null)
  await settle(store.store)
  sayDone(`Went back to before ${title}`, store.store, revert)
}

/** Shows what a revert made of the store. */
async function settle(store: string): Promise<void> {
  await look(store)
  await fetchRecent(store)
  await refresh()
}

/** Shows a collection as it was before an entry. Nothing is changed by looking. Throws where it was not there yet. */
export async function lookAt(entry: HistoryEntry): Promise<void> {
  const view = useView.getState()
  if (!view.store) return
  const { collection, seq: before } = entry
  await engine.call('filter.check', { store: view.store.store, collection, before, filter: '' })
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
