import {
  AppError,
  type GrantInfo,
  LIMITS,
  type SearchQuery,
  type StoreInfo,
  type VectorInfo,
} from '../../contract/index.ts'
import { engine } from '../client/engine.ts'
import { liveQuery, queryClient, rowQuery, type Source, target } from '../client/queries.ts'
import { shell } from '../client/shell.ts'
import { mean } from '../ui/vector.ts'
import { equals, nearLabel, readNear, rowLabel, vectorColumn } from './near.ts'
import { hasRow, intersection, NO_ROWS } from './rows.ts'
import { collectionOf, type Near, NO_SEARCH, type StorePlace, useView } from './view.ts'

/** Work that talks to the engine and ends in the view's state. Errors go where the person looks for them. */

/** The open collection as queries name it; null if none is open. */
export function currentSource(): Source | null {
  const { store, collection, looking } = useView.getState()
  if (!store || collection === null) return null
  const now = { store: store.store, collection, revision: store.revision }
  return looking ? { ...now, before: looking.seq } : now
}

/**
 * Opens a granted store and shows it: its only collection at once, else the list. One that another process writes, or
 * that is damaged, is shown as such, with the ways on. Throws what else the engine says.
 */
export async function openStore(
  place: StorePlace,
  how: { create?: boolean; readOnly?: boolean } = {},
): Promise<void> {
  let info: StoreInfo
  try {
    info = await engine.call('store.open', { grant: place.grant, ...how })
  } catch (thrown) {
    const error = AppError.from(thrown)
    if (error.code !== 'STORE_LOCKED' && error.code !== 'CORRUPT') throw error
    const readable = error.code === 'STORE_LOCKED' || (!how.readOnly && (await canBeRead(place.grant)))
    useView.getState().setBlocked({ place, error, readable })
    return
  }
  showStore(info, place.grant)
  const only = info.collections.length === 1 ? info.collections[0] : undefined
  if (only) useView.getState().setCollection(only.name)
}

/** Some damage only stands in the way of writing: whether reading works is tried, so that it is offered where it does. */
async function canBeRead(grant: string): Promise<boolean> {
  try {
    const { store } = await engine.call('store.open', { grant, readOnly: true })
    await closeQuietly(store)
    return true
  } catch {
    return false
  }
}

/** A failed write leaves a handle that takes no more: the store is closed and opened again. */
export async function reopenStore(): Promise<void> {
  const { store, grant } = useView.getState()
  if (!store || grant === null) return
  await engine.call('store.close', { store: store.store }).catch(() => undefined)
  useView.getState().setReopened(await engine.call('store.open', { grant }))
  await refresh()
}

/** A store that is open read-only becomes writable under the same handle, if nobody else writes it any more. */
export async function takeOver(): Promise<void> {
  const { grant } = useView.getState()
  if (grant === null) return
  useView.getState().storeChanged(await engine.call('store.open', { grant }))
}

/** Shows an open store in place of the one before, and puts it on the list of recent ones. */
export function showStore(info: StoreInfo, grant: string): void {
  const before = useView.getState().store
  if (before?.store === info.store) useView.getState().storeChanged(info)
  else useView.getState().setStore(info, grant)
  if (before && before.store !== info.store) void closeQuietly(before.store)
  void shell('opened', grant).catch(() => undefined)
}

/** Shows a collection of an open store. */
export async function showCollection(store: string, grant: string, collection: string): Promise<void> {
  showStore(await engine.call('store.info', { store }), grant)
  useView.getState().setCollection(collection)
}

/** Back to Welcome. */
export function closeStore(): void {
  const { store } = useView.getState()
  useView.getState().setStore(null, null)
  queryClient.removeQueries({ queryKey: ['data'] })
  if (store) void closeQuietly(store.store)
}

/**
 * Closes a store that is not shown (any more). One with a running job stays open until the job has ended: see
 * state/session.ts. `discardEmpty` takes a store off the disk that was made for nothing.
 */
export async function closeQuietly(store: string, discardEmpty = false): Promise<void> {
  if (Object.values(useView.getState().jobs).some((job) => job.store === store)) return
  await engine.call('store.close', { store, discardEmpty }).catch(() => undefined)
}

/** A file goes to the import dialog, a folder is opened as a store. */
export async function openGrant(grant: GrantInfo): Promise<void> {
  if (grant.kind === 'file') useView.getState().setImporting(grant)
  else await openStore(grant)
}

/** Applies a filter to table, map and search. Throws what is wrong with it, and then changes nothing. */
export async function applyFilter(filter: string): Promise<void> {
  const source = currentSource()
  if (!source) return
  const text = filter.trim()
  if (text === '') {
    useView.getState().setFilter('', null)
  } else {
    const rows = await engine.call('filter.rows', { ...target(source), filter: text })
    if (isCurrent(source)) useView.getState().setFilter(text, rows)
  }
  if (useView.getState().search.near.length > 0) await runSearch()
}

/** After rows came or went otherwise than one by one: filter and search are asked again, and who left is let go. */
export async function refresh(): Promise<void> {
  const source = currentSource()
  if (!source) return
  const live = await queryClient.fetchQuery(liveQuery(source))
  if (!isCurrent(source)) return
  const view = useView.getState()
  if (view.selection.length > 0) view.select(intersection(view.selection, live))
  if (view.active !== null && !hasRow(live, view.active)) view.setActive(null)
  // A column of the filter may be gone.
  await applyFilter(view.filter).catch(() => applyFilter(''))
}

function isCurrent(source: Source): boolean {
  const now = currentSource()
  return now?.store === source.store && now.collection === source.collection && now.before === source.before
}

let searches = 0

/** Asks for the rows near to the chips of the query bar. The newest search wins; an error leaves the old hits. */
export async function runSearch(near?: Near[]): Promise<void> {
  const source = currentSource()
  const collection = collectionOf(useView.getState())
  if (!source || !collection) return
  if (near) useView.getState().setSearch({ near })
  const { search, filter } = useView.getState()
  const mine = ++searches
  if (search.near.length === 0) {
    useView.getState().setSearch({ result: null, resultLabel: '', running: false, error: null })
    return
  }
  useView.getState().setSearch({ running: true, error: null })
  try {
    const column = vectorColumn(collection, search.vector)
    const query = await toQuery(search.near, column, source)
    // What is asked for is its own nearest neighbour and tells nothing: ask for as many more and drop them.
    const own = search.near.filter((near) => near.by !== 'vector')
    const k = Math.min(search.k + own.length, LIMITS.kMax)
    const result = await engine.call('search.run', {
      ...target(source),
      query,
      vector: column?.name,
      k,
      ef: search.exact ? undefined : (search.ef ?? undefined),
      exact: search.exact,
      filter,
    })
    if (mine !== searches || !isCurrent(source)) return
    const others = result.hits.filter(
      (hit) =>
        !own.some((near) => (near.by === 'row' ? near.row === hit.row : String(near.id) === String(hit.id))),
    )
    useView.getState().setSearch({
      result: { ...result, hits: others.slice(0, search.k) },
      resultLabel: nearLabel(search.near) + (collection.vectors.length > 1 ? ` by ${column?.name}` : ''),
      running: false,
    })
  } catch (error) {
    if (mine === searches) useView.getState().setSearch({ running: false, error: AppError.from(error) })
  }
}

async function toQuery(
  near: readonly Near[],
  column: VectorInfo | undefined,
  source: Source,
): Promise<SearchQuery> {
  const [first] = near
  if (near.length === 1 && first) {
    if (first.by === 'row') return { by: 'row', row: first.row }
    if (first.by === 'id') return { by: 'id', id: first.id }
    return { by: 'vector', vector: new Float32Array(first.vector) }
  }
  const vectors = await Promise.all(near.map((one) => vectorOf(one, column, source)))
  return { by: 'vector', vector: new Float32Array(mean(vectors, column?.metric === 'cosine')) }
}

async function vectorOf(near: Near, column: VectorInfo | undefined, source: Source): Promise<Float32Array> {
  if (near.by === 'vector') return near.vector
  const row = near.by === 'row' ? near.row : await rowOfId(near.id, source)
  const { vectors } = await queryClient.fetchQuery(rowQuery(source, row))
  const own = vectors.find(({ name }) => name === column?.name)
  return own?.vector ?? new Float32Array()
}

async function rowOfId(id: string | number, source: Source): Promise<number> {
  const column = collectionOf(useView.getState())?.id.column ?? 'id'
  const row = await rowWhere(equals(column, id), source)
  if (row !== null) return row
  throw new AppError({
    code: 'UNKNOWN_ID',
    message: `No row has the id “${id}”.`,
    remedy: 'Check the spelling, or look for the row with a filter.',
  })
}

async function rowWhere(filter: string, source: Source): Promise<number | null> {
  const rows = await engine.call('filter.rows', { ...target(source), filter })
  return rows[0] ?? null
}

/** Adds what was typed or pasted into the Near field, and searches. Returns what is wrong, or null. */
export async function addNear(text: string): Promise<string | null> {
  const source = currentSource()
  const collection = collectionOf(useView.getState())
  if (!source || !collection) return null
  const column = vectorColumn(collection, useView.getState().search.vector)
  const typed = readNear(text, collection, column?.dimension ?? null)
  if (typed.kind === 'error') return typed.message
  let near: Near
  if (typed.kind === 'near') {
    near = typed.near
  } else {
    const row = await rowWhere(equals(typed.column, typed.text), source)
    if (row === null) return `No row has “${typed.text}” as its id or in ${typed.column}.`
    near = { by: 'row', row, label: typed.text }
  }
  const { near: before } = useView.getState().search
  // The same thing twice is the same question again.
  await runSearch(before.some((one) => isSame(one, near)) ? before : [...before, near])
  return null
}

function isSame(a: Near, b: Near): boolean {
  if (a.by === 'row' && b.by === 'row') return a.row === b.row
  if (a.by === 'id' && b.by === 'id') return a.id === b.id
  return (
    a.by === 'vector' &&
    b.by === 'vector' &&
    a.vector.length === b.vector.length &&
    a.vector.every((x, i) => x === b.vector[i])
  )
}

/** Searches for the neighbours of a row, in place of what the query bar holds. */
export async function findSimilar(row: number, label?: string): Promise<void> {
  const source = currentSource()
  const collection = collectionOf(useView.getState())
  if (!source || !collection) return
  let name = label
  if (name === undefined) {
    try {
      name = rowLabel(await queryClient.fetchQuery(rowQuery(source, row)), collection)
    } catch {
      name = `row ${row}`
    }
  }
  useView.getState().setActive(row)
  await runSearch([{ by: 'row', row, label: name }])
}

export function clearSearch(): void {
  searches++
  const { k, ef, exact, vector } = useView.getState().search
  useView.getState().setSearch({ ...NO_SEARCH, k, ef, exact, vector })
}

/** Searches go on in another vector column. Pasted vectors of another dimension have nothing to look for there. */
export async function searchIn(name: string): Promise<void> {
  const collection = collectionOf(useView.getState())
  if (!collection) return
  const dimension = vectorColumn(collection, name)?.dimension
  const { near } = useView.getState().search
  useView.getState().setSearch({ vector: name })
  await runSearch(near.filter((one) => one.by !== 'vector' || one.vector.length === dimension))
}

/** Esc: gives back the whole window, then the selection, then the search. */
export function clearStep(): void {
  const view = useView.getState()
  if (view.maximized) view.setMaximized(null)
  else if (view.selection.length > 0) view.select(NO_ROWS)
  else if (view.search.near.length > 0 || view.search.error) clearSearch()
  else view.setActive(null)
}

/** Selects every row of the applied filter. */
export async function selectAll(): Promise<void> {
  const source = currentSource()
  if (!source) return
  const { matching, filter } = useView.getState()
  useView.getState().select(matching ?? (await engine.call('filter.rows', { ...target(source), filter })))
}

/** Ends the layout of a forming map with what is there. */
export async function stopMap(job: string): Promise<void> {
  await engine.call('map.stop', { job }).catch(() => undefined)
}

export async function cancelJob(job: string): Promise<void> {
  await engine.call('job.cancel', { job }).catch(() => undefined)
}
