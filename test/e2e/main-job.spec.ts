import { drawMap, drop, expect, importSample, map, neighbours, pixels, SAMPLE, test } from './app.ts'

test.setTimeout(600_000)

test('a dropped file is imported, searched, filtered, mapped, lassoed, and found again after quitting', async ({
  start,
}) => {
  const first = await start({ size: [1440, 900] })
  const { page } = first
  await importSample(page)

  // Search: "queen" is among the ten nearest to "king".
  await page.locator('#query-near').fill('king')
  await page.keyboard.press('Enter')
  await expect(
    page.getByRole('list', { name: 'Neighbours' }).getByText('queen', { exact: true }),
  ).toBeVisible()
  const found = await neighbours(page)
  expect(found).toHaveLength(10)
  expect(found).toContain('queen')
  expect(found).not.toContain('king')

  // Filter: a filter that is wrong says so in place; a right one narrows table and hits.
  const where = page.getByRole('textbox', { name: /where/i })
  await where.fill('rnak < 2000')
  await expect(page.getByText(/rank/).first()).toBeVisible()
  await where.fill("rank < 2000 AND first_letter = 'p'")
  await where.press('Enter')
  await expect
    .poll(async () => (await neighbours(page)).every((word) => word.startsWith('p')), { timeout: 10_000 })
    .toBe(true)
  await where.fill('')
  await where.press('Enter')

  // Map: pixels, not flags.
  const empty = await pixels(page, map(page))
  await drawMap(page)
  const drawn = await pixels(page, map(page))
  expect(drawn.painted).toBeGreaterThan(empty.painted + 5_000)
  expect(drawn.spread).toBeGreaterThan(0.2)
  expect(drawn.hues).toBeGreaterThan(2)

  // Lasso: a stroke around the middle selects rows, in the status bar and in the table.
  const box = await map(page).boundingBox()
  if (!box) throw new Error('the map has no box')
  await map(page).getByRole('application').focus()
  await page.keyboard.press('l')
  const [cx, cy] = [box.x + box.width / 2, box.y + box.height / 2]
  const radius = Math.min(box.width, box.height) / 5
  await page.mouse.move(cx + radius, cy)
  await page.mouse.down()
  for (let step = 1; step <= 24; step += 1) {
    const angle = (step / 24) * 2 * Math.PI
    await page.mouse.move(cx + radius * Math.cos(angle), cy + radius * Math.sin(angle))
  }
  await page.mouse.up()
  await expect(page.getByText(/[\d,]+ selected/).first()).toBeVisible()

  await first.close()

  // Again: the store heads the recent ones, the rows, the search and the map are there.
  const second = await start({ size: [1440, 900] })
  await second.page.getByRole('navigation', { name: 'Stores' }).getByText('words.db').click()
  await expect(second.page.getByText('20,000 rows').first()).toBeVisible()
  await expect(map(second.page)).toHaveAttribute('data-stage', 'saved')
  await expect(map(second.page)).toHaveAttribute('data-points', '20000')
  // The points are there some frames before they are painted.
  await expect
    .poll(async () => (await pixels(second.page, map(second.page))).painted, { timeout: 20_000 })
    .toBeGreaterThan(drawn.painted * 0.5)
  await second.page.locator('#query-near').fill('king')
  await second.page.keyboard.press('Enter')
  await expect(
    second.page.getByRole('list', { name: 'Neighbours' }).getByText('queen', { exact: true }),
  ).toBeVisible()
})

test('what each precision gives is measured, and one is taken', async ({ start }) => {
  const { page } = await start({ size: [1280, 800] })
  await importSample(page)
  await expect(page.getByText(/index ready/i).first()).toBeVisible({ timeout: 60_000 })
  await page.getByRole('button', { name: 'What each precision gives' }).click()
  const dialog = page.getByRole('dialog', { name: 'Precision of words' })
  await expect(dialog.getByText('200 rows as queries')).toBeVisible({ timeout: 60_000 })
  const lines = dialog.getByRole('row')
  await expect(lines.nth(1)).toContainText('Automatic')
  await expect(lines.nth(1)).toContainText('In use')
  await expect(lines.last()).toContainText('Exact')
  await expect(lines.last()).toContainText('100%')
  await dialog.getByRole('button', { name: 'Use ef 32' }).click()
  await expect(dialog).toBeHidden()
  await expect(page.getByLabel('ef: partitions that an indexed search looks at')).toHaveValue('32')
  await page.locator('#query-near').fill('king')
  await page.keyboard.press('Enter')
  expect(await neighbours(page)).toContain('queen')
})

test('a wrong file is refused in words and leaves nothing behind', async ({ start, home }) => {
  const { writeFileSync, readdirSync } = await import('node:fs')
  const { join } = await import('node:path')
  const { page } = await start()
  await expect(page.getByRole('heading', { name: /drop a file of vectors/i })).toBeVisible()
  const wrong = join(home, 'holiday.jpg')
  writeFileSync(
    wrong,
    Buffer.from([0xff, 0xd8, 0xff, 0xe0, 0, 16, 0x4a, 0x46, 0x49, 0x46, 0, 1, 2, 3, 250, 251]),
  )
  await drop(page, [wrong])
  await expect(page.getByRole('alert').first()).toBeVisible()
  expect(readdirSync(home).filter((name) => name.endsWith('.db'))).toEqual([])
})

test('bad rows stop an import with their line and reason, and can be skipped', async ({ start, home }) => {
  const { writeFileSync } = await import('node:fs')
  const { join } = await import('node:path')
  const { page } = await start()
  await expect(page.getByRole('heading', { name: /drop a file of vectors/i })).toBeVisible()
  const file = join(home, 'mixed.jsonl')
  const rows = Array.from({ length: 200 }, (_, i) => ({
    id: `row-${i}`,
    vector: [i, 1, 2, 3],
    kind: i % 2 ? 'odd' : 'even',
  }))
  const lines = rows.map((row) => JSON.stringify(row))
  lines[120] = JSON.stringify({ id: 'short', vector: [1, 2], kind: 'bad' })
  lines[150] = '{"id": "torn", "vector": [1, 2'
  writeFileSync(file, `${lines.join('\n')}\n`)
  await drop(page, [file])
  await page
    .getByRole('button', { name: /^Import/ })
    .last()
    .click()
  await expect(page.getByRole('alert').getByText(/121/)).toBeVisible()
  await page.getByRole('button', { name: 'Skip bad rows and import' }).click()
  await expect(page.getByText(/198 rows/).first()).toBeVisible()
  await expect(page.getByRole('cell', { name: '151' }).first()).toBeVisible()
})

test('an import that failed and was given up leaves no store behind', async ({ start, home }) => {
  const { existsSync, writeFileSync } = await import('node:fs')
  const { join } = await import('node:path')
  const { page } = await start()
  await expect(page.getByRole('heading', { name: /drop a file of vectors/i })).toBeVisible()
  const file = join(home, 'broken.jsonl')
  const rows = Array.from({ length: 90 }, (_, i) => JSON.stringify({ id: `r${i}`, vector: [i, 1, 2] }))
  rows[80] = JSON.stringify({ id: 'short', vector: [1] })
  writeFileSync(file, `${rows.join('\n')}\n`)
  await drop(page, [file])
  await page
    .getByRole('button', { name: /^Import/ })
    .last()
    .click()
  await expect(page.getByRole('button', { name: 'Skip bad rows and import' })).toBeVisible()
  await page.getByRole('button', { name: 'Cancel', exact: true }).click()
  await expect.poll(() => existsSync(join(home, 'broken.db'))).toBe(false)
})

test('the sample is one click away', async ({ start }) => {
  const { page } = await start()
  await page.getByRole('button', { name: 'Open the sample' }).click()
  await expect(page.getByRole('dialog')).toContainText('words.parquet')
  expect(SAMPLE).toContain('words.parquet')
})
