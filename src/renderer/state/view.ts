import { create } from 'zustand'
import type {
  AppError,
  CollectionInfo,
  GrantInfo,
  Id,
  ImportResult,
  JobInfo,
  SearchResult,
  SortKey,
  StoreInfo,
} from '../../contract/index.ts'
import { NO_ROWS, rowSet, toggleRow, union } from './rows.ts'

/**
 * What the window shows, in one place: which store and collection, which rows are chosen, what was asked. Engine
 * data itself lives in the query cache; work that talks to the engine lives in actions.ts.
 */

/** `map` shows the map above the table; `table` gives the table the map's place. */
export type Screen = 'store' | 'map' | 'table' | 'jobs'
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
  /** Of the last search that ended well; null if none or cleared. */
  result: SearchResult | null
  /** What the result is near to, e.g. "king"; empty without a result. */
  resultLabel: string
  running: boolean
  error: AppError | null
}

export interface EndedJob extends JobInfo {
  state: 'done' | 'failed' | 'cancelled'
  endedMs: number
  error: AppError | null
  /** What a finished import counted. */
  result: ImportResult | null
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
  /** Column that colours the map. */
  colourBy: string | null
  /** Running jobs by id. */
  jobs: Record<string, JobInfo>
  /** Jobs that ended in this session, newest first. */
  ended: EndedJob[]
  /** The file in the import dialog; null when it is closed. */
  importing: GrantInfo | null
  /** One line in the status bar about what just happened; null: none. */
  notice: string | null

  setScreen: (screen: Screen) => void
  setMaximized: (pane: Pane | null) => void
  setStore: (store: StoreInfo | null, grant: string | null) => void
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
  setColourBy: (column: string | null) => void
  setJob: (job: JobInfo) => void
  endJob: (job: string, end: Pick<EndedJob, 'state' | 'error' | 'result'>) => void
  setImporting: (file: GrantInfo | null) => void
  setNotice: (notice: string | null) => void
}

/** Ended jobs that are kept for the Jobs screen. */
const ENDED_MAX = 50

export const NO_SEARCH: SearchState = {
  near: [],
  k: 10,
  ef: null,
  exact: false,
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
    colourBy: null,
    search: NO_SEARCH,
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
  ...fresh(),

  setScreen: (screen) => set({ screen, maximized: null }),
  setMaximized: (maximized) => set({ maximized }),
  setStore: (store, grant) =>
    set({
      store,
      grant: store ? grant : null,
      collection: null,
      maximized: null,
      screen: 'store',
      ...fresh(),
    }),
  storeChanged: (store) =>
    set((view) => {
      if (view.store?.store !== store.store) return {}
      const kept = view.collection === null || store.collections.some((c) => c.name === view.collection)
      return kept ? { store } : { store, collection: null, screen: 'store', ...fresh() }
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
  setColourBy: (colourBy) => set({ colourBy }),
  setJob: (job) => set((view) => ({ jobs: { ...view.jobs, [job.job]: job } })),
  endJob: (id, end) =>
    set((view) => {
      const { [id]: job, ...jobs } = view.jobs
      if (!job) return {}
      const ended: EndedJob = { ...job, ...end, endedMs: Date.now() }
      return { jobs, ended: [ended, ...view.ended].slice(0, ENDED_MAX) }
    }),
  setImporting: (importing) => set({ importing }),
  setNotice: (notice) => set({ notice }),
}))

/** The collection on the screen, with its columns, index and maps; null if none is open. */
export function useCollection(): CollectionInfo | null {
  return useView(collectionOf)
}

export function collectionOf(view: Pick<ViewState, 'store' | 'collection'>): CollectionInfo | null {
  return view.store?.collections.find((c) => c.name === view.collection) ?? null
}
