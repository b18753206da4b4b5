import { spawnSync } from 'node:child_process'
import { cpus } from 'node:os'
import { join } from 'node:path'
import { electronLibraries, hasDisplay, virtualDisplay } from '../scripts/lib/display.mjs'
import { launch, makeHome, removeHome } from '../scripts/lib/drive.mjs'
import { ROOT } from '../scripts/lib/files.mjs'

/** The main job on the sample in the real app, timed as a person would feel it. */

const WORDS = ['king', 'paris', 'seven', 'water', 'music', 'doctor', 'green', 'river', 'computer', 'monday']

/** Goals: what each figure's median should stay under. */
const GOALS = [
  ['second start to window', 's', 5],
  ['import with index', 's', 3],
  ['click to listed hits', 'ms', 30],
  ['first frame of the map', 's', 2],
  ['finished map', 's', null],
]

export async function run({ dist, rounds = 3 }) {
  await electronLibraries(dist)
  const screen = hasDisplay() ? null : await virtualDisplay()
  if (screen) process.env.DISPLAY = screen.display
  const figures = new Map(GOALS.map(([name]) => [name, []]))
  const memory = []
  try {
    for (let round = 0; round < rounds; round += 1) memory.push(await once(dist, figures))
  } finally {
    screen?.stop()
  }
  console.log(
    `\n${cpus().length} cores, ${cpus()[0]?.model.trim()}; Node ${process.version}; ${rounds} rounds; min / median / max`,
  )
  for (const [name, unit, goal] of GOALS) {
    const values = (figures.get(name) ?? []).sort((a, b) => a - b)
    const shown = [values[0], values[values.length >> 1], values.at(-1)].map((value) =>
      (value ?? 0).toFixed(unit === 'ms' ? 1 : 2),
    )
    console.log(
      `${name.padEnd(28)} ${shown.join(' / ')} ${unit}${goal === null ? '' : `   (goal: under ${goal} ${unit})`}`,
    )
  }
  const last = memory.at(-1) ?? []
  for (const { name, mebibytes, when } of last)
    console.log(`${`memory, ${name}`.padEnd(28)} ${mebibytes} MiB ${when}`)
}

async function once(dist, figures) {
  const home = makeHome()
  const note = (name, value) => figures.get(name)?.push(value)
  const starting = performance.now()
  spawnSync(process.execPath, [join(ROOT, 'scripts/setup.mjs')], { stdio: 'ignore' })
  const { app, page, close } = await launch({ dist, home, size: [1440, 900] })
  try {
    await page.getByRole('heading', { name: /drop a file of vectors/i }).waitFor()
    note('second start to window', (performance.now() - starting) / 1_000)

    await page.getByRole('button', { name: 'Open the sample' }).click()
    const button = page.getByRole('button', { name: /^Import 20,000 rows/ })
    await button.waitFor()
    const importing = performance.now()
    await button.click()
    await page
      .getByText(/index ready/i)
      .first()
      .waitFor({ timeout: 60_000 })
    note('import with index', (performance.now() - importing) / 1_000)

    for (const word of WORDS) {
      await page.locator('#query-near').fill(word)
      note('click to listed hits', await page.evaluate(untilListed))
      await page.getByRole('button', { name: `Take ${word} out` }).click()
      await page.getByRole('button', { name: `Take ${word} out` }).waitFor({ state: 'detached' })
    }
    const memory = await processes(app, 'with the sample open')

    const drawing = performance.now()
    await page.getByRole('button', { name: 'Draw map' }).first().click()
    await page.locator('[data-map]:not([data-points="0"])').waitFor({ timeout: 60_000 })
    note('first frame of the map', (performance.now() - drawing) / 1_000)
    await page.locator('[data-map][data-stage="saved"]').waitFor({ timeout: 600_000 })
    note('finished map', (performance.now() - drawing) / 1_000)
    return [...memory, ...(await processes(app, 'after drawing the map'))]
  } finally {
    await close()
    removeHome(home)
  }
}

/** In the page: submits the query and resolves to the milliseconds until the list of neighbours has changed. */
function untilListed() {
  return new Promise((resolve) => {
    const form = document.querySelector('form[aria-label="Query"]')
    const text = () => document.querySelector('[aria-label="Neighbours"]')?.textContent ?? ''
    const before = text()
    const since = performance.now()
    const observer = new MutationObserver(() => {
      if (text() === before || text() === '') return
      observer.disconnect()
      resolve(performance.now() - since)
    })
    observer.observe(document.body, { childList: true, subtree: true, characterData: true })
    form.requestSubmit()
  })
}

async function processes(app, when) {
  const metrics = await app.evaluate(({ app: electron }) =>
    electron
      .getAppMetrics()
      .map(({ type, name, memory }) => ({ name: name ?? type, kibibytes: memory.workingSetSize })),
  )
  return metrics.map(({ name, kibibytes }) => ({ name, mebibytes: Math.round(kibibytes / 1024), when }))
}
