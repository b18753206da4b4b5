import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { launch, makeHome, removeHome } from './drive.mjs'
import { ROOT } from './files.mjs'
import { done, StepFailed, seconds } from './say.mjs'

/** The main job on the sample, as a person would do it; each step says what happened and leaves a picture. */

const PICTURES = join(ROOT, 'screenshots/tour')

export async function tour(dist) {
  mkdirSync(PICTURES, { recursive: true })
  const home = makeHome()
  let running = null
  try {
    const since = performance.now()
    running = await launch({ dist, home, size: [1440, 900] })
    const { page } = running
    const picture = (name) => page.screenshot({ path: join(PICTURES, `${name}.png`) })
    await page.getByRole('heading', { name: /drop a file of vectors/i }).waitFor()
    done('window', `after ${seconds(since)}`)
    await picture('1-welcome')

    await page.getByRole('button', { name: 'Open the sample' }).click()
    await page.getByRole('button', { name: /^Import 20,000 rows/ }).waitFor()
    await picture('2-import')
    const importing = performance.now()
    await page.getByRole('button', { name: /^Import 20,000 rows/ }).click()
    await page.getByRole('form', { name: 'Query' }).waitFor({ timeout: 60_000 })
    const rows = await page
      .getByText(/[\d,]+ rows/)
      .first()
      .innerText()
    done('rows imported', `${/[\d,]+/.exec(rows)?.[0]} in ${seconds(importing)}`)
    await page
      .getByText(/index ready/i)
      .first()
      .waitFor({ timeout: 60_000 })
    done('index built', `${seconds(importing)} after the click on Import`)

    await page.locator('#query-near').fill('king')
    await page.keyboard.press('Enter')
    const list = page.getByRole('list', { name: 'Neighbours' })
    await list.getByText('queen', { exact: true }).waitFor()
    const found = await list
      .locator('[title]')
      .evaluateAll((labels) => labels.map((label) => label.getAttribute('title')))
    done('neighbours found', `king: ${found.join(', ')}`)
    await picture('3-search')

    const drawing = performance.now()
    await page.getByRole('button', { name: 'Draw map' }).first().click()
    await page.locator('[data-map]:not([data-points="0"])').waitFor({ timeout: 60_000 })
    done('map, first picture', `after ${seconds(drawing)}`)
    await picture('4-map-forming')
    await page.locator('[data-map][data-stage="saved"]').waitFor({ timeout: 300_000 })
    const points = await page.locator('[data-map]').getAttribute('data-points')
    done('map drawn', `${points} points after ${seconds(drawing)}`)
    await picture('5-map')
    done('screenshots', PICTURES)
  } catch (error) {
    if (running) await running.page.screenshot({ path: join(PICTURES, 'failed.png') }).catch(() => undefined)
    throw new StepFailed(
      'main job',
      `It did not come to its end: ${error instanceof Error ? error.message.split('\n')[0] : error}`,
      `Look at ${join(PICTURES, 'failed.png')}; report it with that picture.`,
    )
  } finally {
    await running?.close().catch(() => undefined)
    removeHome(home)
  }
}
