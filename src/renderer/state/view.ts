import { useMemo } from 'react'
import { create } from 'zustand'
import type {
  AppError,
  CollectionInfo,
  GrantInfo,
  HistoryEntry,
  Id,
  JobInfo,
  JobKind,
  JobResults,
  SearchResult,
  SortKey,
  StoreInfo,
} from '../../contract/index.ts'
import type { Source } from '../client/queries.ts'
import { NO_ROWS, rowSet, toggleRow, union } from './rows.ts'
import { readHolder } from './words.ts'

/**
 * What the window shows, in one place: which store and collection, which rows are chosen, what was asked. Engine
 * data itself lives in the query cache; work that talks to the engine lives in actions.ts.
 */

/** `map` shows the map above the table; `table` gives the table the map's place. */
export type Screen = 'store' | 'map' | 'table' | 'history' | 'jobs'
/** A pane that can take the whole window. */
export type Pane = 'map' | 'table' | 'results' | 'inspector'

/** One thing to be near to, as the query bar shows it. */
export type Near =
  | { by: 'row'; row: number; label: string }
  | { by: 'id'; id: Id; label: string }
  | { by: 'vector'; vector: Float32Array; label: string }

export interface SearchState {
  near: Near[]
  k: number
  /** null: the engine's default for this k. */
  ef: number | null
  exact: boolean
  /** Name of the vector column that is searched; null: the first. */
  vector: string | null
  /** Of the last search that ended well; null if none or cleared. */
  result: SearchResult | null
  /** What the result is near to, e.g. "king"; empty without a result. */
  resultLabel: string
  running: boolean
  error: AppError | null
}

/** How a job ended, and what it came to. */
export interface JobOutcome<K extends JobKind = JobKind> {
  state: 'done' | 'failed' | 'cancelled'
  error: AppError | null
  result: JobResults[K] | null
}

export type EndedJob = {
  [K in JobKind]: JobInfo & JobOutcome<K> & { kind: K; endedMs: number }
}[JobKind]

/** A store that could not be opened, and why: locked by another writer, or damaged. */
export interface Blocked {
  place: StorePlace
  error: AppError
  /** Whether it can be opened to be read. */
  readable: boolean
}

/** A granted place of a store. */
export type StorePlace = Pick<GrantInfo, 'grant' | 'name' | 'path'>

/** A dialog about the store, or about what cannot be undone. */
export type DialogState =
  | { kind: 'compact' }
  /** `from`: the store to repair, or the snapshot to restore; null: still to be chosen, or the open store. */
  | { kind: 'copy'; copy: 'snapshot' | 'restore' | 'repair'; from: StorePlace | null }
  | { kind: 'delete'; rows: Uint32Array }
  | { kind: 'drop'; collection: string }
  | { kind: 'tune' }

/** Rows that are about to be tagged, and what the popover stands beside. */
export interface Tagging {
  rows: Uint32Array
  anchor: Element
}

export interface ViewState {
  screen: Screen
  maximized: Pane | null
  store: StoreInfo | null
  /** The grant that the store was opened with. */
  grant: string | null
  collection: string | null
  /** SQL WHERE expression that is applied; empty: every row. */
  filter: string
  sort: SortKey[]
  /** Rows of the applied filter, ascending; null: no filter. */
  matching: Uint32Array | null
  /** Ascending row numbers; empty: nothing selected. */
  selection: Uint32Array
  /** Row in the inspector and under the table's cursor. */
  active: number | null
  hover: number | null
  search: SearchState
  /** Which of the collection's maps is shown. */
  mapName: string
  /** The map beside it, to compare; null: none. */
  beside: string | null
  /** Column that colours the map, or one of {@link KEPT}, {@link PLACED}, {@link MOVED} and {@link SHARED}. */
  colourBy: string | null
  /** Running jobs by id. */
  jobs: Record<string, JobInfo>
  /** Jobs that ended in this session, newest first. */
  ended: EndedJob[]
  /** A store that could not be opened stands in the place of what was shown. */
  blocked: Blocked | null
  /** What happened to the open store's disk or handle so that it takes no more writes; null: nothing. */
  trouble: AppError | null
  /** When the writer of a store that is open read-only was last followed, ms since 1970; null: not yet. */
  followedMs: number | null
  /** The collection is shown as it was before this change; null: as it is. */
  looking: HistoryEntry | null
  tagging: Tagging | null
  /** A column that the table should bring into sight, once. */
  columnInSight: string | null
  dialog: DialogState | null
  /** The file in the import dialog; null when it is closed. */
  importing: GrantInfo | null
  /** One line in the status bar about what just happened; null: none. */
  notice: string | null

  setScreen: (screen: Screen) => void
  setMaximized: (pane: Pane | null) => void
  setStore: (store: StoreInfo | null, grant: string | null) => void
  /** The same store under a new handle: all that is shown of it stays. */
  setReopened: (store: StoreInfo) => void
  setBlocked: (blocked: Blocked | null) => void
  setTrouble: (trouble: AppError | null) => void
  setLooking: (entry: HistoryEntry | null) => void
  setTagging: (tagging: Tagging | null) => void
  setDialog: (dialog: DialogState | null) => void
  showColumn: (name: string | null) => void
  /** News of the open store; ignored for others. */
  storeChanged: (store: StoreInfo) => void
  setCollection: (collection: string | null) => void
  setFilter: (filter: string, matching: Uint32Array | null) => void
  setSort: (sort: SortKey[]) => void
  /** Replaces the selection, or adds to it. Any order, repeats allowed. */
  select: (rows: Uint32Array | readonly number[], how?: 'replace' | 'add') => void
  toggleSelected: (row: number) => void
  setActive: (row: number | null) => void
  setHover: (row: number | null) => void
  setSearch: (change: Partial<SearchState>) => void
  setMapName: (name: string) => void
  /** What colours by both maps goes with the second. */
  setBeside: (name: string | null) => void
  setColourBy: (column: string | null) => void
  setJob: (job: JobInfo) => void
  endJob: (job: string, end: JobOutcome) => void
  setImporting: (file: GrantInfo | null) => void
  setNotice: (notice: string | null) => void
}

/** A collection's first map. */
export const MAP_NAME = 'map'
/** Colours the map by how many of its neighbours each row keeps; no column is called so. */
export const KEPT = '\u0000kept'
/** ... by whether a row was placed on the map after that was laid out, */
export const PLACED = '\u0000placed'
/** ... by how far a row lies from where the map beside has it, */
export const MOVED = '\u0000moved'
/** ... by how many of its neighbours on the map are its neighbours on the map beside. */
export const SHARED = '\u0000shared'

/** Ended jobs that are kept for the Jobs screen. */
const ENDED_MAX = 50

export const NO_SEARCH: SearchState = {
  near: [],
  k: 10,
  ef: null,
  exact: false,
  vector: null,
  result: null,
  resultLabel: '',
  running: false,
  error: null,
}

/** State that belongs to one collection and goes with it. */
function fresh() {
  return {
    filter: '',
    sort: [],
    matching: null,
    selection: NO_ROWS,
    active: null,
    hover: null,
    mapName: MAP_NAME,
    beside: null,
    colourBy: null,
    search: NO_SEARCH,
    looking: null,
    tagging: null,
    columnInSight: null,
  }
}

export const useView = create<ViewState>()((set) => ({
  screen: 'store',
  maximized: null,
  store: null,
  grant: null,
  collection: null,
  jobs: {},
  ended: [],
  importing: null,
  notice: null,
  dialog: null,
  blocked: null,
  trouble: null,
  followedMs: null,
  ...fresh(),

  setScreen: (screen) => set({ screen, maximized: null, tagging: null, blocked: null }),
  setMaximized: (maximized) => set({ maximized }),
  setStore: (store, grant) =>
    set({
      store,
      grant: store ? grant : null,
      collection: null,
      maximized: null,
      screen: 'store',
      blocked: null,
      trouble: null,
      followedMs: null,
      ...fresh(),
    }),
  setReopened: (store) =>
    set(({ collection }) => {
      const kept = collection !== null && store.collections.some((c) => c.name === collection)
      return {
        store,
        trouble: null,
        ...(kept ? {} : { collection: null, screen: 'store' as const, ...fresh() }),
      }
    }),
  setBlocked: (blocked) => set({ blocked }),
  setTrouble: (trouble) => set({ trouble }),
  setLooking: (looking) => set({ looking, tagging: null }),
  setTagging: (tagging) => set({ tagging }),
  setDialog: (dialog) => set({ dialog }),
  showColumn: (columnInSight) => set({ columnInSight }),
  storeChanged: (store) =>
    set((view) => {
      if (view.store?.store !== store.store) return {}
      const followed = store.readOnly && store.revision !== view.store.revision
      const news = followed ? { store, followedMs: Date.now() } : { store }
      const kept = view.collection === null || store.collections.some((c) => c.name === view.collection)
      return kept ? news : { ...news, collection: null, screen: 'store', ...fresh() }
    }),
  setCollection: (collection) =>
    set((view) => {
      if (collection === null) return { collection, screen: 'store', maximized: null, ...fresh() }
      const screen = view.screen === 'table' ? 'table' : 'map'
      return collection === view.collection ? { screen } : { collection, screen, maximized: null, ...fresh() }
    }),
  setFilter: (filter, matching) => set({ filter, matching }),
  setSort: (sort) => set({ sort }),
  select: (rows, how = 'replace') =>
    set((view) => {
      const chosen = rowSet(rows)
      return { selection: how === 'add' ? union(view.selection, chosen) : chosen }
    }),
  toggleSelected: (row) => set((view) => ({ selection: toggleRow(view.selection, row) })),
  setActive: (active) => set({ active }),
  setHover: (hover) => set((view) => (view.hover === hover ? view : { hover })),
  setSearch: (change) => set((view) => ({ search: { ...view.search, ...change } })),
  setMapName: (mapName) => set({ mapName }),
  setBeside: (beside) =>
    set(({ colourBy }) => {
      const both = colourBy === MOVED || colourBy === SHARED
      return beside === null && both ? { beside, colourBy: null } : { beside }
    }),
  setColourBy: (colourBy) => set({ colourBy }),
  setJob: (job) => set((view) => ({ jobs: { ...view.jobs, [job.job]: job } })),
  endJob: (id, end) =>
    set((view) => {
      const { [id]: job, ...jobs } = view.jobs
      if (!job) return {}
      // The result is that of the job's own kind: both come from one event.
      const ended = { ...job, ...end, endedMs: Date.now() } as EndedJob
      return { jobs, ended: [ended, ...view.ended].slice(0, ENDED_MAX) }
    }),
  setImporting: (importing) => set({ importing }),
  setNotice: (notice) => set({ notice }),
}))

/** The collection on the screen, with its columns, index and maps; null if none is open. */
export function useCollection(): CollectionInfo | null {
  return useView(collectionOf)
}

/** The collection as queries name it: as it is, or as it was before the change that is being looked at. */
export function useSource({ store, revision }: StoreInfo, collection: string): Source {
  const before = useView((view) => view.looking?.seq)
  return useMemo(
    () => ({ store, collection, revision, ...(before === undefined ? {} : { before }) }),
    [store, collection, revision, before],
  )
}

/** Why rows cannot be changed now; null where they can. */
export function whyNotNow(view: Pick<ViewState, 'store' | 'looking'>): string | null {
  if (view.store?.readOnly) {
    const { writer } = view.store
    if (writer === null) return 'This store is open read-only'
    return `This store is open read-only: ${readHolder(writer).program} writes it`
  }
  if (view.looking) return 'This is the past; return to now to change rows'
  return null
}

export function useWhyNot(): string | null {
  return useView(whyNotNow)
}

export function collectionOf(view: Pick<ViewState, 'store' | 'collection'>): CollectionInfo | null {
  return view.store?.collections.find((c) => c.name === view.collection) ?? null
}
