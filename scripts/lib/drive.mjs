import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ROOT } from './files.mjs'

/** Starts the real app and does with it what a person's hands do. Used by the tour, the screenshots, the bench and the tests. */

/**
 * Starts the app in a folder of its own. `home` keeps settings and stores: pass the same one to start again as
 * the same person. Resolves to {app, page, home, close}.
 * @param {{dist?: string, home?: string, theme?: 'light' | 'dark', size?: [number, number]}} [options]
 */
export async function launch({ dist = process.env.ELECTRON_OVERRIDE_DIST_PATH, home, theme, size } = {}) {
  const { _electron } = await import('@playwright/test')
  const own = home ?? makeHome()
  if (dist) process.env.ELECTRON_OVERRIDE_DIST_PATH = dist
  const args = [ROOT, '--force-prefers-reduced-motion']
  // As root Chromium refuses its sandbox; nobody else is ever started without it.
  if (process.getuid?.() === 0) args.unshift('--no-sandbox')
  const app = await _electron.launch({
    args,
    cwd: ROOT,
    // Playwright would otherwise make every page light.
    colorScheme: null,
    env: { ...process.env, OMENDB_USER_DATA: join(own, 'settings'), OMENDB_STORES: own },
  })
  const page = await app.firstWindow()
  if (size) {
    await app.evaluate(({ BrowserWindow }, [width, height]) => {
      BrowserWindow.getAllWindows()[0].setContentSize(width, height)
    }, size)
  }
  if (theme) {
    await app.evaluate(({ nativeTheme }, source) => {
      nativeTheme.themeSource = source
    }, theme)
  }
  return { app, page, home: own, close: () => app.close() }
}

export function makeHome() {
  return mkdtempSync(join(tmpdir(), 'omendb home '))
}

/** @param {string} home */
export function removeHome(home) {
  rmSync(home, { recursive: true, force: true })
}

/**
 * Drops files on the window as the system does: the browser itself receives their paths.
 * @param {import('@playwright/test').Page} page
 * @param {string[]} paths
 * @param {{x?: number, y?: number}} [at]
 */
export async function drop(page, paths, { x = 640, y = 400 } = {}) {
  const cdp = await page.context().newCDPSession(page)
  const data = { items: [], files: paths, dragOperationsMask: 1 }
  for (const type of ['dragEnter', 'dragOver', 'drop']) {
    await cdp.send('Input.dispatchDragEvent', { type, x, y, data })
  }
  await cdp.detach()
}

/**
 * Process number of the engine, or null while there is none.
 * @param {import('@playwright/test').ElectronApplication} app
 * @returns {Promise<number | null>}
 */
export function enginePid(app) {
  return app.evaluate(({ app: electron }) => {
    const engine = electron
      .getAppMetrics()
      .find(
        (metric) => metric.type === 'Utility' && `${metric.name} ${metric.serviceName}`.includes('OmenDB'),
      )
    return engine?.pid ?? null
  })
}
