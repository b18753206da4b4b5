import { type BrowserWindow, Menu } from 'electron'
import type { MenuCommand } from '../contract/index.ts'

/** What Undo and Redo would do to the store, in words; null: nothing. */
export interface EditLabels {
  undo: string | null
  redo: string | null
}

/**
 * The system's menu: what each platform expects of editing and windows. The app's own commands live in the page,
 * in the palette and on keys; reload and developer tools stand here for when the page itself is in trouble. Undo and
 * Redo go to the page, which knows whether a field or the store is meant; on Linux and Windows it hears their keys.
 */
export function applicationMenu(
  window: () => BrowserWindow | undefined,
  command: (name: MenuCommand) => void,
  labels: EditLabels,
): Menu {
  const keys = { registerAccelerator: process.platform === 'darwin' }
  return Menu.buildFromTemplate([
    ...(process.platform === 'darwin' ? [{ role: 'appMenu' as const }] : []),
    {
      label: 'Edit',
      submenu: [
        {
          label: named('Undo', labels.undo),
          accelerator: 'CmdOrCtrl+Z',
          ...keys,
          click: () => command('undo'),
        },
        {
          label: named('Redo', labels.redo),
          accelerator: 'CmdOrCtrl+Shift+Z',
          ...keys,
          click: () => command('redo'),
        },
        { type: 'separator' },
        { role: 'cut' },
        { role: 'copy' },
        { role: 'paste' },
        { role: 'pasteAndMatchStyle' },
        { role: 'delete' },
        { type: 'separator' },
        { role: 'selectAll' },
      ],
    },
    {
      label: 'View',
      submenu: [
        { role: 'resetZoom' },
        { role: 'zoomIn' },
        { role: 'zoomOut' },
        { role: 'togglefullscreen' },
        { type: 'separator' },
        { label: 'Reload window', click: () => window()?.webContents.reload() },
        { role: 'toggleDevTools' },
      ],
    },
    { role: 'windowMenu' },
  ])
}

/** In a menu "&" marks a key; doubled it is itself. */
function named(verb: string, what: string | null): string {
  return what === null ? verb : `${verb} ${what.replaceAll('&', '&&')}`
}
