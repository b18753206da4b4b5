import { existsSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { app, BrowserWindow, dialog, Menu, nativeTheme, shell, type WebContents } from 'electron'
import { ENGINE_PORT, type GrantInfo, type PlacePurpose, type RecentStore } from '../contract/index.ts'
import { EngineHost } from './engine-host.ts'
import { Grants } from './grants.ts'
import { applicationMenu, type EditLabels } from './menu.ts'
import { APP_ORIGIN, isTrustedSender, refuseNavigation, registerScheme, secureSession } from './security.ts'
import { Settings } from './settings.ts'
import { openShellDoor, type ShellHandlers } from './shell-door.ts'

/** Windows, dialogs, grants and the engine's supervision. No vector ever passes through here. */

const here = dirname(fileURLToPath(import.meta.url))
const root = app.isPackaged ? process.resourcesPath : join(here, '../..')
const devOrigin = app.isPackaged ? null : (process.env.ELECTRON_RENDERER_URL ?? null)

const WINDOW = { width: 1440, height: 900, minWidth: 1024, minHeight: 640 }
const GROUND = { light: '#eef0f3', dark: '#0e1014' }
const FILES = [
  { name: 'Vectors', extensions: ['parquet', 'csv', 'tsv', 'jsonl', 'ndjson', 'npy', 'fvecs'] },
  { name: 'All files', extensions: ['*'] },
]

// Tests and tours keep their own settings apart from the person's.
if (process.env.OMENDB_USER_DATA) app.setPath('userData', process.env.OMENDB_USER_DATA)
// As root Chromium cannot sandbox at all; set-up starts it there, and only there, with this switch.
if (!app.commandLine.hasSwitch('no-sandbox')) app.enableSandbox()
registerScheme()
refuseNavigation()

if (!app.requestSingleInstanceLock()) {
  app.quit()
} else {
  void app.whenReady().then(run)
}

function run(): void {
  const settings = new Settings(join(app.getPath('userData'), 'settings.json'))
  const grants = new Grants()
  const engine = new EngineHost(join(here, '../node/engine.js'), () => grants.all())
  nativeTheme.themeSource = settings.data.theme

  const theWindow = () => BrowserWindow.getAllWindows()[0]
  const send = (channel: string, value: unknown) => {
    for (const window of BrowserWindow.getAllWindows()) window.webContents.send(channel, value)
  }
  const connect = (contents: WebContents) => {
    const port = engine.connect()
    if (port) contents.postMessage(ENGINE_PORT, null, [port])
  }
  const openPath = async (path: string) => send('omendb:open', await grants.existing(path))

  grants.onGrant((grant) => engine.grant(grant))
  engine.onStatus((status) => send('omendb:engine-status', status))
  engine.onReady(() => {
    for (const window of BrowserWindow.getAllWindows()) connect(window.webContents)
  })

  const showMenu = (labels: EditLabels) =>
    Menu.setApplicationMenu(applicationMenu(theWindow, (name) => send('omendb:menu', name), labels))

  secureSession(join(here, '../renderer'), devOrigin)
  openShellDoor({
    handlers: handlers({ settings, grants, engine, theWindow, showMenu }),
    dropped: (path) => grants.existing(path),
    connect,
    trusted: (sender, frame) => isTrustedSender(sender, frame, devOrigin),
  })
  showMenu({ undo: null, redo: null })
  engine.start()
  createWindow(settings)

  app.on('second-instance', (_event, argv, cwd) => {
    const window = theWindow()
    if (window?.isMinimized()) window.restore()
    window?.focus()
    const path = argv.slice(1).find((word) => !word.startsWith('-') && existsSync(join(cwd, word)))
    if (path) void openPath(join(cwd, path)).catch(() => undefined)
  })
  app.on('open-file', (event, path) => {
    event.preventDefault()
    void openPath(path).catch(() => undefined)
  })
  app.on('activate', () => {
    if (!theWindow()) createWindow(settings)
  })
  app.on('window-all-closed', () => {
    if (process.platform !== 'darwin') app.quit()
  })

  let closing = false
  app.on('before-quit', (event) => {
    if (closing) return
    closing = true
    event.preventDefault()
    void Promise.allSettled([engine.stop(), settings.flush()]).then(() => app.quit())
  })
}

function createWindow(settings: Settings): void {
  const remembered = settings.data.window
  const dark = nativeTheme.shouldUseDarkColors
  const window = new BrowserWindow({
    ...WINDOW,
    ...(remembered ? { width: remembered.width, height: remembered.height } : {}),
    title: 'OmenDB Studio',
    show: false,
    backgroundColor: dark ? GROUND.dark : GROUND.light,
    // The page draws the title bar; macOS and Windows keep their own window buttons on it.
    ...(process.platform === 'linux' ? {} : { titleBarStyle: 'hidden' as const }),
    ...(process.platform === 'win32' ? { titleBarOverlay: overlay(dark) } : {}),
    autoHideMenuBar: true,
    webPreferences: {
      preload: join(here, '../preload/index.cjs'),
      sandbox: true,
      contextIsolation: true,
      nodeIntegration: false,
      webSecurity: true,
      spellcheck: false,
    },
  })
  if (remembered?.maximized) window.maximize()
  window.once('ready-to-show', () => window.show())
  window.on('close', () => {
    const { width, height } = window.getNormalBounds()
    settings.setWindow({ width, height, maximized: window.isMaximized() })
  })
  window.webContents.on('render-process-gone', (_event, details) => {
    if (details.reason !== 'clean-exit') window.webContents.reload()
  })
  nativeTheme.on('updated', () => {
    const nowDark = nativeTheme.shouldUseDarkColors
    if (window.isDestroyed()) return
    window.setBackgroundColor(nowDark ? GROUND.dark : GROUND.light)
    if (process.platform === 'win32') window.setTitleBarOverlay(overlay(nowDark))
  })
  void window.loadURL(devOrigin ?? `${APP_ORIGIN}/index.html`)
}

function overlay(dark: boolean): Electron.TitleBarOverlay {
  return { color: dark ? GROUND.dark : GROUND.light, symbolColor: dark ? '#e7eaf0' : '#15181d', height: 40 }
}

const NEW_PLACES: Record<PlacePurpose, { title: string; buttonLabel: string }> = {
  store: { title: 'New store', buttonLabel: 'Create' },
  snapshot: { title: 'Save a snapshot', buttonLabel: 'Choose' },
  restored: { title: 'Where the restored store goes', buttonLabel: 'Choose' },
  repaired: { title: 'Where the repaired store goes', buttonLabel: 'Choose' },
}

interface World {
  settings: Settings
  grants: Grants
  engine: EngineHost
  theWindow: () => BrowserWindow | undefined
  showMenu: (labels: EditLabels) => void
}

function handlers({ settings, grants, engine, theWindow, showMenu }: World): ShellHandlers {
  const pick = async (options: Electron.OpenDialogOptions): Promise<GrantInfo | null> => {
    const window = theWindow()
    const answer = await (window ? dialog.showOpenDialog(window, options) : dialog.showOpenDialog(options))
    const path = answer.filePaths[0]
    return answer.canceled || path === undefined ? null : grants.existing(path)
  }
  return {
    info: () => ({
      version: app.getVersion(),
      platform: process.platform,
      windowControls:
        process.platform === 'darwin' ? 'left' : process.platform === 'win32' ? 'right' : 'none',
      theme: settings.data.theme,
    }),
    pickFile: () => pick({ title: 'Import vectors', properties: ['openFile'], filters: FILES }),
    pickStore: (_sender, what) =>
      pick({
        title: what === 'snapshot' ? 'Choose a snapshot' : 'Open a store',
        properties: ['openDirectory'],
      }),
    pickNewStore: async (_sender, name, purpose) => {
      const options = { ...NEW_PLACES[purpose], defaultPath: join(storesFolder(), storeFileName(name)) }
      const window = theWindow()
      const answer = await (window ? dialog.showSaveDialog(window, options) : dialog.showSaveDialog(options))
      return answer.canceled || !answer.filePath ? null : grants.newStore(answer.filePath)
    },
    suggestStore: (_sender, name) => grants.newStore(freePath(storesFolder(), storeFileName(name))),
    sample: () => grants.existing(join(root, 'samples/words.parquet')),
    recents: () => recents(settings, grants),
    forgetRecent: (_sender, token) => {
      settings.forget(grants.get(token).path)
      return null
    },
    opened: (_sender, token) => {
      settings.remember(grants.get(token).path)
      return null
    },
    setTheme: (_sender, theme) => {
      settings.setTheme(theme)
      nativeTheme.themeSource = theme
      return null
    },
    engineStatus: () => engine.status,
    restartEngine: () => {
      engine.restart()
      return null
    },
    revealStore: (_sender, token) => {
      shell.showItemInFolder(grants.get(token).path)
      return null
    },
    editMenu: (_sender, labels) => {
      showMenu(labels)
      return null
    },
  }
}

async function recents(settings: Settings, grants: Grants): Promise<RecentStore[]> {
  const found: RecentStore[] = []
  for (const { path, openedAt } of settings.data.recents) {
    const missing = !existsSync(path)
    const grant = await (missing ? grants.newStore(path) : grants.existing(path)).catch(() => null)
    if (grant) found.push({ ...grant, openedAt, missing })
  }
  return found
}

/** Where stores go that are made without asking: the person's documents, or their home where there are none. */
function storesFolder(): string {
  if (process.env.OMENDB_STORES) return process.env.OMENDB_STORES
  const documents = app.getPath('documents')
  return existsSync(documents) ? documents : app.getPath('home')
}

function storeFileName(name: string): string {
  const safe = name.replace(/[^\p{L}\p{N} _.-]+/gu, '-').replace(/^[.\s-]+|[.\s]+$/g, '')
  const base = (safe || 'vectors').slice(0, 80)
  return base.endsWith('.db') ? base : `${base}.db`
}

function freePath(folder: string, name: string): string {
  const stem = name.replace(/\.db$/, '')
  let path = join(folder, name)
  for (let count = 2; existsSync(path); count += 1) path = join(folder, `${stem}-${count}.db`)
  return path
}
