#!/usr/bin/env node
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { electronLibraries, hasDisplay, virtualDisplay } from './lib/display.mjs'
import { drop, launch, makeHome, removeHome } from './lib/drive.mjs'
import { ROOT } from './lib/files.mjs'
import { safetyScreens } from './lib/safety-screens.mjs'
import { done, main } from './lib/say.mjs'
import { setup } from './lib/setup.mjs'

const HELP = `npm run screenshots

Takes the pictures of docs/screenshots: every screen of the real app, light and dark, at 1280 x 800.`

const OUT = join(ROOT, 'docs/screenshots')
const SIZE = [1280, 800]

async function screenshots() {
  const dist = await setup()
  await electronLibraries(dist)
  const screen = hasDisplay() ? null : await virtualDisplay()
  if (screen) process.env.DISPLAY = screen.display
  mkdirSync(OUT, { recursive: true })
  const home = makeHome()
  const bad = join(home, 'measurements.jsonl')
  writeFileSync(bad, badRows())
  try {
    const { page, app, close } = await launch({ dist, home, size: SIZE })
    const shoot = async (name) => {
      for (const theme of ['light', 'dark']) {
        await app.evaluate(({ nativeTheme }, source) => {
          nativeTheme.themeSource = source
        }, theme)
        await page.waitForTimeout(700)
        await page.screenshot({ path: join(OUT, `${name}-${theme}.png`) })
      }
      done('screenshot', name)
    }
    await page.getByRole('heading', { name: /drop a file of vectors/i }).waitFor()
    await shoot('welcome')
    await drop(page, [bad])
    await page
      .getByRole('button', { name: /^Import/ })
      .last()
      .click()
    await page.getByRole('button', { name: 'Skip bad rows and import' }).waitFor()
    await shoot('import-error')
    await page.keyboard.press('Escape')
    await page.getByRole('button', { name: 'Open the sample' }).click()
    const button = page.getByRole('button', { name: /^Import 20,000 rows/ })
    await button.waitFor()
    await shoot('import')
    await button.click()
    await page.getByRole('form', { name: 'Query' }).waitFor({ timeout: 60_000 })
    await page
      .getByText(/index ready/i)
      .first()
      .waitFor({ timeout: 60_000 })
    await shoot('collection')
    await page.getByRole('button', { name: 'Draw map' }).first().click()
    await page.locator('[data-map]:not([data-points="0"])').waitFor({ timeout: 60_000 })
    await page.waitForTimeout(1_200)
    await shoot('map-forming')
    const score = page.locator('[data-map-score]')
    await score.waitFor({ timeout: 600_000 })
    await shoot('map')
    await score.click()
    await page.mouse.move(2, 2)
    await shoot('map-truth')
    await page.getByRole('combobox', { name: 'Colour by' }).click()
    await page.getByRole('option', { name: /^first_letter/ }).click()
    await page.locator('#query-near').fill('king')
    await page.keyboard.press('Enter')
    await page.getByRole('list', { name: 'Neighbours' }).getByRole('button').first().click()
    await shoot('search')
    await page.getByRole('button', { name: 'What each precision gives' }).click()
    await page.getByText('200 rows as queries').waitFor({ timeout: 60_000 })
    await shoot('precision')
    await page.keyboard.press('Escape')
    await page.keyboard.press('Control+k')
    await shoot('palette')
    await page.keyboard.press('Escape')
    await safetyScreens({ page, home, shoot })
    await close()
  } finally {
    screen?.stop()
    removeHome(home)
  }
}

/** Rows of which a few are wrong, each in another way. */
function badRows() {
  const rows = Array.from({ length: 400 }, (_, i) =>
    JSON.stringify({ id: `sensor-${i}`, vector: [i % 7, i % 5, i % 3, 1], site: i % 2 ? 'north' : 'south' }),
  )
  rows[117] = JSON.stringify({ id: 'sensor-117', vector: [1, 2], site: 'north' })
  rows[233] = '{"id": "sensor-233", "vector": [1, 2, 3'
  return `${rows.join('\n')}\n`
}

if (process.argv.includes('--help')) console.log(HELP)
else await main(screenshots)
