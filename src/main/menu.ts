import { type BrowserWindow, Menu } from 'electron'

/**
 * The system's menu: what each platform expects of editing and windows. The app's own commands live in the page,
 * in the palette and on keys; reload and developer tools stand here for when the page itself is in trouble.
 */
export function applicationMenu(window: () => BrowserWindow | undefined): Menu {
  return Menu.buildFromTemplate([
    ...(process.platform === 'darwin' ? [{ role: 'appMenu' as const }] : []),
    { role: 'editMenu' },
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
