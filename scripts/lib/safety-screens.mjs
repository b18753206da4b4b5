import { spawn } from 'node:child_process'
import { cpSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { drop } from './drive.mjs'
import { ROOT } from './files.mjs'

/**
 * Pictures of what keeps a store from losing anything: tags, history and the past, copies, and stores that are locked or
 * damaged. Begins with the mapped sample on the screen.
 * @param {{page: import('@playwright/test').Page, home: string, shoot: (name: string) => Promise<void>}} about
 */
export async function safetyScreens({ page, home, shoot }) {
  await tags(page, shoot)
  await history(page, shoot)
  await copies(page, shoot)
  await locked(page, home, shoot)
  await damaged(page, home, shoot)
}

const toastGone = (page) => page.locator('[data-toast]').waitFor({ state: 'detached', timeout: 30_000 })

async function tags(page, shoot) {
  await page.keyboard.press('Escape')
  await tag(page, { x: 455, y: 462, radius: 34 }, 'food')
  await lasso(page, { x: 237, y: 318, radius: 52 })
  await page.keyboard.press('t')
  await page.getByRole('combobox', { name: 'Value' }).pressSequentially('names')
  await shoot('tag')
  await page.getByRole('button', { name: 'Apply' }).click()
  await page.locator('[data-toast]').waitFor()
  await tag(page, { x: 282, y: 186, radius: 40 }, 'names')
  await page.getByRole('combobox', { name: 'Colour by' }).click()
  await page.getByRole('option', { name: /^tag/ }).click()
  await page.getByRole('button', { name: 'Clear the selection' }).last().click()
  await shoot('tagged')
  await page.locator('[role=row]').nth(3).click()
  await page.locator('[data-field=rank]').dblclick()
  await page.getByRole('textbox', { name: 'rank' }).fill('many')
  await page.keyboard.press('Enter')
  await toastGone(page)
  await shoot('edit')
  await page.keyboard.press('Escape')
}

async function history(page, shoot) {
  for (const place of [2, 3, 4]) await page.getByRole('rowheader').nth(place).click()
  await page.locator('[data-table]').press('Delete')
  await page.locator('[data-toast]').waitFor()
  await shoot('deleted')
  await page.locator('[data-table]').press('Control+z')
  await page.getByText('Undid “Deleted 3 rows”').waitFor()
  await toastGone(page)
  // The selection, then the row in the inspector.
  await page.keyboard.press('Escape')
  await page.keyboard.press('Escape')
  await page.keyboard.press('4')
  await page
    .getByRole('button', { name: /Set tag to “names”/ })
    .last()
    .click()
  await shoot('history')
  await page.getByRole('button', { name: 'Look at it as it was before' }).click()
  await page.keyboard.press('2')
  await page.locator('[data-looking]').waitFor()
  await shoot('past')
  await page.getByRole('button', { name: 'Return to now' }).click()
}

async function copies(page, shoot) {
  await page.keyboard.press('1')
  await shoot('store')
  await page.getByRole('button', { name: /Save a snapshot/ }).click()
  await page.getByText(/\d{4}-\d\d-\d\d\.db/).waitFor()
  await shoot('snapshot')
  await page.getByRole('button', { name: 'Save the snapshot' }).click()
  await page.getByRole('button', { name: 'Done' }).click()
  await page.getByRole('button', { name: /Compact/ }).click()
  await shoot('compact')
  await page.getByRole('button', { name: 'Compact', exact: true }).click()
  await page.getByRole('button', { name: 'Done' }).waitFor()
  await shoot('compacted')
  await page.getByRole('button', { name: 'Done' }).click()
}

async function locked(page, home, shoot) {
  const store = join(home, 'shared.db')
  cpSync(join(home, snapshotOf(home)), store, { recursive: true })
  const writer = spawn(process.execPath, [join(ROOT, 'test/e2e/writer.mjs'), store], {
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  try {
    await new Promise((resolve) => writer.stdout.once('data', resolve))
    await drop(page, [store])
    await page.getByRole('button', { name: 'Open read-only' }).waitFor()
    await shoot('locked')
    await page.getByRole('button', { name: 'Open read-only' }).click()
    await page.getByRole('form', { name: 'Query' }).waitFor()
    writer.stdin.write('add quasar\n')
    await page.getByText('updated just now').waitFor({ timeout: 15_000 })
    await page.getByRole('rowheader').nth(1).click()
    await page.getByRole('button', { name: 'Delete the selected rows' }).hover()
    await page.waitForTimeout(700)
    await shoot('read-only')
  } finally {
    writer.kill('SIGKILL')
  }
}

async function damaged(page, home, shoot) {
  const store = join(home, 'old disk.db')
  cpSync(join(home, snapshotOf(home)), store, { recursive: true })
  const segments = join(store, 'segments')
  const vectors = readdirSync(segments)
    .flatMap((segment) => readdirSync(join(segments, segment)).map((name) => join(segments, segment, name)))
    .find((path) => /columns\.arrow$/.test(path))
  if (vectors) turnByte(vectors)
  await drop(page, [store])
  await page.getByText('is damaged').waitFor()
  await page.mouse.move(640, 700)
  await shoot('damaged')
  await page.getByRole('button', { name: /Repair into a new store/ }).click()
  await page.getByRole('button', { name: 'Repair', exact: true }).click()
  await page.getByRole('button', { name: /^Open old disk repaired/ }).waitFor({ timeout: 60_000 })
  await shoot('repaired')
  await page.getByRole('button', { name: 'Close', exact: true }).last().click()
}

function snapshotOf(home) {
  return readdirSync(home).find((name) => /^words \d{4}-\d\d-\d\d\.db$/.test(name)) ?? 'words.db'
}

function turnByte(path) {
  const bytes = readFileSync(path)
  const middle = bytes.length >> 1
  bytes[middle] ^= 0xff
  writeFileSync(path, bytes)
}

async function tag(page, circle, value) {
  await lasso(page, circle)
  await page.keyboard.press('t')
  await page.getByRole('combobox', { name: 'Value' }).fill(value)
  await page.getByRole('button', { name: 'Apply' }).click()
  await page.locator('[data-toast]', { hasText: value }).waitFor()
}

/** Draws around a place of the map, in pixels of the window. */
async function lasso(page, { x, y, radius }) {
  await page.locator('[data-map] [role=application]').focus()
  await page.keyboard.press('l')
  await page.mouse.move(x + radius, y)
  await page.mouse.down()
  for (let step = 1; step <= 24; step += 1) {
    const angle = (step / 24) * 2 * Math.PI
    await page.mouse.move(x + radius * Math.cos(angle), y + radius * Math.sin(angle))
  }
  await page.mouse.up()
  await page.keyboard.press('l')
  await page.mouse.move(700, 700)
}
