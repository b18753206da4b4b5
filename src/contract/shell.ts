import * as v from 'valibot'
import { Grant } from './values.ts'

/**
 * The second door: what the page may ask of the Electron main process. Names here are the names of the
 * functions on `window.omendb`; nothing else is there.
 */

export interface GrantInfo {
  grant: string
  kind: 'file' | 'store'
  /** Base name. */
  name: string
  /** For display only. */
  path: string
  bytes: number
}

export interface RecentStore extends GrantInfo {
  /** ISO 8601. */
  openedAt: string
  /** The folder is gone. */
  missing: boolean
}

export type Theme = 'system' | 'light' | 'dark'

export interface EngineStatus {
  state: 'running' | 'restarting' | 'stopped'
  /** Deaths in a row. */
  deaths: number
  /** Why it last died, in words; empty if it did not. */
  reason: string
}

export interface ShellInfo {
  version: string
  platform: string
  /** True when the page has to leave room for the window's own buttons, and on which side. */
  windowControls: 'none' | 'left' | 'right'
  theme: Theme
}

/** What a dialog that asks for a store's folder is for: it says so in its title. */
export const PlacePurpose = v.picklist(['store', 'snapshot', 'restored', 'repaired'])
export type PlacePurpose = v.InferOutput<typeof PlacePurpose>

/** What a menu of the system may ask of the page. */
export type MenuCommand = 'undo' | 'redo'

const MenuLabel = v.nullable(v.pipe(v.string(), v.maxLength(200)))

/** Calls with their parameters. */
export const shellCalls = {
  info: v.tuple([]),
  /** Ask the person for a file with vectors; null if they change their mind. */
  pickFile: v.tuple([]),
  /** Ask for the folder of a store, or of a snapshot. */
  pickStore: v.tuple([v.picklist(['store', 'snapshot'])]),
  /** Ask where a new store, a snapshot or a repaired store should be. */
  pickNewStore: v.tuple([v.pipe(v.string(), v.maxLength(128)), PlacePurpose]),
  /** A grant for a new store of this name in the person's documents; the name is made unique. */
  suggestStore: v.tuple([v.pipe(v.string(), v.maxLength(128))]),
  sample: v.tuple([]),
  recents: v.tuple([]),
  forgetRecent: v.tuple([Grant]),
  /** Note that a granted store was opened: it heads the list of recent ones. */
  opened: v.tuple([Grant]),
  setTheme: v.tuple([v.picklist(['system', 'light', 'dark'])]),
  engineStatus: v.tuple([]),
  /** Start the engine again after it was stopped for dying too often. */
  restartEngine: v.tuple([]),
  revealStore: v.tuple([Grant]),
  /** What the Edit menu's Undo and Redo would do, in words; null: nothing. */
  editMenu: v.tuple([v.object({ undo: MenuLabel, redo: MenuLabel })]),
} as const
export type ShellCall = keyof typeof shellCalls

export interface ShellResults {
  info: ShellInfo
  pickFile: GrantInfo | null
  pickStore: GrantInfo | null
  pickNewStore: GrantInfo | null
  suggestStore: GrantInfo
  sample: GrantInfo
  recents: RecentStore[]
  forgetRecent: null
  opened: null
  setTheme: null
  engineStatus: EngineStatus
  restartEngine: null
  revealStore: null
  editMenu: null
}

/** `window.omendb`, made by the preload script. */
export type ShellApi = {
  [C in ShellCall]: (...args: v.InferOutput<(typeof shellCalls)[C]>) => Promise<ShellResults[C]>
} & {
  /** A grant for what was dropped (a file, or a store folder); the path never reaches the page's hands. */
  dropped: (file: File) => Promise<GrantInfo>
  /** Called now and whenever the engine dies, restarts or stops. Returns the way to stop listening. */
  onEngineStatus: (listener: (status: EngineStatus) => void) => () => void
  /** Menu and file-association requests: "open this". */
  onOpen: (listener: (grant: GrantInfo) => void) => () => void
  /** Undo and Redo of the Edit menu. */
  onMenu: (listener: (command: MenuCommand) => void) => () => void
}

/**
 * The port to the engine comes as a window message `{ type: ENGINE_PORT }` with one port, at the start
 * and again after each restart of the engine.
 */
export const ENGINE_PORT = 'omendb:engine-port'
/** A page asks for a (new) port by calling this on the shell's channel; main answers with ENGINE_PORT. */
export const SHELL_CHANNEL = 'omendb:shell'
