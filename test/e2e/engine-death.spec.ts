import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { drop, enginePid, expect, importSample, neighbours, test } from './app.ts'

test('[E3] an engine killed in mid-query comes back with its store, and the window says so', async ({
  start,
}) => {
  const { app, page } = await start()
  await importSample(page)
  const pid = await enginePid(app)
  expect(pid).toBeGreaterThan(0)
  const killed = Date.now()
  // A query is on its way when the engine dies.
  await page.locator('#query-near').fill('king')
  await page.keyboard.press('Enter')
  process.kill(pid ?? 0, 'SIGKILL')
  await expect(page.getByText(/engine/i).first()).toBeVisible({ timeout: 1_500 })
  expect(Date.now() - killed).toBeLessThan(2_500)
  await expect.poll(() => enginePid(app), { timeout: 10_000 }).not.toBe(pid)
  // The query that was in flight, or the same again, is answered by the new engine.
  await expect
    .poll(
      async () => {
        await page.locator('#query-near').fill('king')
        await page.keyboard.press('Enter')
        await page.waitForTimeout(300)
        return neighbours(page).catch(() => [])
      },
      { timeout: 15_000 },
    )
    .toContain('queen')
  await expect(page.getByText('20,000 rows').first()).toBeVisible()
})

test('[I1] [E3] an engine killed in mid-import leaves whole imports only', async ({ start, home }) => {
  const { app, page } = await start()
  await importSample(page)
  const file = join(home, 'large.npy')
  writeNpy(file, 300_000, 64)
  await drop(page, [file])
  await page.getByRole('button', { name: /^Import 300,000 rows/ }).click()
  await page.waitForTimeout(150)
  const pid = await enginePid(app)
  process.kill(pid ?? 0, 'SIGKILL')
  await expect.poll(() => enginePid(app), { timeout: 10_000 }).not.toBe(pid)
  await expect.poll(() => enginePid(app), { timeout: 10_000 }).toBeGreaterThan(0)
  // The window lives, the words are whole, and of the other import there is all or nothing.
  const counts = await page.evaluate(async () => {
    await new Promise((resolve) => setTimeout(resolve, 2_000))
    return document.body.innerText
  })
  expect(counts).toMatch(/20,000 rows|300,000 rows/)
  expect(counts).not.toMatch(/\b(?!300,000|20,000)[\d,]{6,} rows\b/)
})

test('[E3] five deaths in a row end in a plain message with a way on', async ({ start }) => {
  const { app, page } = await start()
  await expect(page.getByRole('heading', { name: /drop a file of vectors/i })).toBeVisible()
  for (let death = 1; death <= 5; death += 1) {
    await expect.poll(() => enginePid(app), { timeout: 15_000 }).toBeGreaterThan(0)
    const pid = await enginePid(app)
    process.kill(pid ?? 0, 'SIGKILL')
    await expect.poll(() => enginePid(app).then((now) => now !== pid), { timeout: 10_000 }).toBe(true)
  }
  const again = page.getByRole('button', { name: /start|restart/i }).first()
  await expect(again).toBeVisible()
  expect(await enginePid(app)).toBeNull()
  await again.click()
  await expect.poll(() => enginePid(app), { timeout: 10_000 }).toBeGreaterThan(0)
})

/** A float32 matrix of small whole numbers, C order. */
function writeNpy(path: string, rows: number, dimension: number): void {
  const text = `{'descr': '<f4', 'fortran_order': False, 'shape': (${rows}, ${dimension}), }`
  const header = Buffer.from(`${text.padEnd(117)}\n`, 'latin1')
  const head = Buffer.from([
    0x93,
    0x4e,
    0x55,
    0x4d,
    0x50,
    0x59,
    1,
    0,
    header.length & 255,
    header.length >> 8,
  ])
  const values = new Float32Array(rows * dimension)
  let state = 1
  for (let i = 0; i < values.length; i += 1) {
    state = (state * 1_664_525 + 1_013_904_223) >>> 0
    values[i] = (state >>> 24) - 128
  }
  writeFileSync(path, Buffer.concat([head, header, Buffer.from(values.buffer)]))
}
