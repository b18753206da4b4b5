import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { test as base, type ElectronApplication, expect, type Locator, type Page } from '@playwright/test'
import * as drive from '../../scripts/lib/drive.mjs'

/** The real app, started for one test in a folder of its own that is removed afterwards. */

export const ROOT = fileURLToPath(new URL('../..', import.meta.url))
export const SAMPLE = join(ROOT, 'samples/words.parquet')

export interface Started {
  app: ElectronApplication
  page: Page
  home: string
  close: () => Promise<void>
}

export interface Fixtures {
  /** Folder of this person's settings and stores. */
  home: string
  /** Starts the app as this person; what is still open at the end is closed. */
  start: (options?: { theme?: 'light' | 'dark'; size?: [number, number] }) => Promise<Started>
}

export const test = base.extend<Fixtures>({
  // biome-ignore lint/correctness/noEmptyPattern: Playwright wants the pattern.
  home: async ({}, use) => {
    const home = drive.makeHome()
    await use(home)
    drive.removeHome(home)
  },
  start: async ({ home }, use) => {
    const open: Started[] = []
    await use(async (options = {}) => {
      const started = (await drive.launch({ home, ...options })) as Started
      open.push(started)
      return started
    })
    for (const started of open) await started.close().catch(() => undefined)
  },
})
export { expect, type Page }

export const drop: (page: Page, paths: string[], at?: { x: number; y: number }) => Promise<void> = drive.drop
export const enginePid: (app: ElectronApplication) => Promise<number | null> = drive.enginePid

/** Drops the sample, accepts what the dialog suggests, waits until its table is there. */
export async function importSample(page: Page): Promise<void> {
  await expect(page.getByRole('heading', { name: /drop a file of vectors/i })).toBeVisible()
  await drop(page, [SAMPLE])
  await page.getByRole('button', { name: /^Import 20,000 rows/ }).click()
  await expect(page.getByText('20,000 rows').first()).toBeVisible({ timeout: 30_000 })
  await expect(page.getByRole('form', { name: 'Query' })).toBeVisible({ timeout: 30_000 })
}

export const map = (page: Page): Locator => page.locator('[data-map]')

/** Draws the map and waits until it is finished and saved. */
export async function drawMap(page: Page): Promise<void> {
  await page.getByRole('button', { name: 'Draw map' }).first().click()
  await expect(map(page)).toHaveAttribute('data-stage', 'saved', { timeout: 400_000 })
}

export interface Pixels {
  width: number
  height: number
  /** Pixels that differ from the ground by more than a trace. */
  painted: number
  /** Distinct strong hues among them, in steps of 30 degrees. */
  hues: number
  /** Share of a 24 x 24 grid of the picture's cells that hold painted pixels, 0 to 1. */
  spread: number
}

/** What a person would see of an element: looks at its pixels, not at flags. */
export async function pixels(page: Page, element: Locator): Promise<Pixels> {
  const png = (await element.screenshot()).toString('base64')
  return page.evaluate(async (data) => {
    const image = new Image()
    image.src = `data:image/png;base64,${data}`
    await image.decode()
    const canvas = document.createElement('canvas')
    canvas.width = image.width
    canvas.height = image.height
    const context = canvas.getContext('2d', { willReadFrequently: true })
    if (!context) throw new Error('no 2D canvas')
    context.drawImage(image, 0, 0)
    const { data: rgba, width, height } = context.getImageData(0, 0, image.width, image.height)
    // The ground is the commonest colour.
    const counts = new Map<number, number>()
    for (let i = 0; i < rgba.length; i += 4) {
      const key = ((rgba[i] ?? 0) << 16) | ((rgba[i + 1] ?? 0) << 8) | (rgba[i + 2] ?? 0)
      counts.set(key, (counts.get(key) ?? 0) + 1)
    }
    const ground = [...counts].reduce((a, b) => (b[1] > a[1] ? b : a))[0]
    const [r0, g0, b0] = [ground >> 16, (ground >> 8) & 255, ground & 255]
    let painted = 0
    const hues = new Map<number, number>()
    const cells = new Set<number>()
    for (let y = 0; y < height; y += 1) {
      for (let x = 0; x < width; x += 1) {
        const i = (y * width + x) * 4
        const [r, g, b] = [rgba[i] ?? 0, rgba[i + 1] ?? 0, rgba[i + 2] ?? 0]
        if (Math.abs(r - r0) + Math.abs(g - g0) + Math.abs(b - b0) < 24) continue
        painted += 1
        cells.add(Math.floor((y / height) * 24) * 24 + Math.floor((x / width) * 24))
        const max = Math.max(r, g, b)
        const span = max - Math.min(r, g, b)
        if (span < 48) continue
        const hue = max === r ? ((g - b) / span + 6) % 6 : max === g ? (b - r) / span + 2 : (r - g) / span + 4
        const step = Math.floor(hue * 2)
        hues.set(step, (hues.get(step) ?? 0) + 1)
      }
    }
    const strong = [...hues.values()].filter((count) => count > 40).length
    return { width, height, painted, hues: strong, spread: cells.size / (24 * 24) }
  }, png)
}

/** Ids of the listed neighbours, nearest first. */
export async function neighbours(page: Page): Promise<string[]> {
  const list = page.getByRole('list', { name: 'Neighbours' })
  await expect(list).toBeVisible()
  return list
    .locator('[title]')
    .evaluateAll((labels) => labels.map((label) => label.getAttribute('title') ?? ''))
}

/** Ticks rows of the table by their places in sight; those that were selected go first, unless they are to stay. */
export async function select(page: Page, places: number[], keep = false): Promise<void> {
  const clear = page.getByRole('button', { name: 'Clear the selection' }).last()
  if (!keep && (await clear.isVisible())) await clear.click()
  for (const place of places) await page.getByRole('rowheader').nth(place).click()
}

/** The line about what was just done. */
export const toast = (page: Page): Locator => page.locator('[data-toast]')
