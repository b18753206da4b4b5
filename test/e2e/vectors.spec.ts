import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { drawMap, drop, expect, map, neighbours, test } from './app.ts'

/** Rows whose texts lie in three groups by number, and whose pictures in four. */
function photos(count: number): string {
  const around = (row: number, groups: number, dimension: number) =>
    Array.from(
      { length: dimension },
      (_, at) => (at === row % groups ? 5 : 0) + ((row * 31 + at * 17) % 23) / 23,
    )
  const rows = Array.from({ length: count }, (_, row) => ({
    id: `photo-${row}`,
    text_embedding: around(row, 3, 8),
    image_embedding: around(row, 4, 48),
  }))
  return rows.map((row) => `${JSON.stringify(row)}\n`).join('')
}

test('a file with two vector columns is imported, searched and mapped by each', async ({ start, home }) => {
  const { page } = await start({ size: [1280, 800] })
  await expect(page.getByRole('heading', { name: /drop a file of vectors/i })).toBeVisible()
  const file = join(home, 'photos.jsonl')
  writeFileSync(file, photos(240))
  await drop(page, [file])
  const dialog = page.getByRole('dialog')
  await expect(dialog.getByRole('checkbox', { name: 'Import text_embedding' })).toBeChecked()
  await expect(dialog.getByText('Vector · 8-d')).toBeVisible()
  await page.getByRole('button', { name: 'Import 240 rows' }).click()
  await expect(page.getByText('240 rows · 48-d + 8-d · cosine')).toBeVisible({ timeout: 30_000 })

  const groups = async (size: number) =>
    new Set((await neighbours(page)).map((id) => Number(id.slice('photo-'.length)) % size))
  await page.locator('#query-near').fill('photo-7')
  await page.keyboard.press('Enter')
  await expect.poll(() => groups(4)).toEqual(new Set([3]))
  await page.getByRole('combobox', { name: 'Vectors to search in' }).click()
  await page.getByRole('option', { name: /text_embedding/ }).click()
  await expect.poll(() => groups(3)).toEqual(new Set([1]))

  await page.getByRole('list', { name: 'Neighbours' }).getByRole('button').first().click()
  await expect(page.locator('[data-vector="image_embedding"]')).toContainText('48-d')
  await expect(page.locator('[data-vector="text_embedding"]')).toContainText('8-d')

  await drawMap(page)
  await expect(page.getByText('of image_embedding')).toBeVisible()
  await page.getByRole('button', { name: 'Redraw' }).click()
  await page.getByRole('combobox', { name: 'Vectors', exact: true }).click()
  await page.getByRole('option', { name: /text_embedding/ }).click()
  await expect(page.getByRole('textbox', { name: 'Name' })).toHaveValue('text_embedding')
  await page.getByRole('button', { name: 'Redraw' }).last().click()
  await expect(page.getByText('of text_embedding')).toBeVisible({ timeout: 60_000 })
  await expect(map(page)).toHaveAttribute('data-stage', 'saved', { timeout: 60_000 })

  // Both side by side: the same rows, the same colours, and what is chosen on one is chosen on both.
  await page.getByRole('button', { name: /^Compare/ }).click()
  const beside = page.locator('[data-map-beside]')
  await expect(beside).toHaveAttribute('data-points', '240')
  await page.getByRole('combobox', { name: 'Colour by' }).click()
  await page.getByRole('option', { name: /^how far moved/ }).click()
  await expect(map(page)).toHaveAttribute('data-coloured-by', /^moved against/)
  await expect(beside).toHaveAttribute('data-coloured-by', /^moved against/)
  await page.getByRole('button', { name: 'Select in a box' }).click()
  const box = await map(page).boundingBox()
  if (!box) throw new Error('no map')
  await page.mouse.move(box.x + 4, box.y + 60)
  await page.mouse.down()
  await page.mouse.move(box.x + box.width / 2, box.y + box.height / 2, { steps: 4 })
  await page.mouse.move(box.x + box.width - 60, box.y + box.height - 40, { steps: 4 })
  await page.mouse.up()
  await expect(page.getByText(/^\d+ selected$/).first()).toBeVisible()
  await expect(beside.locator('p[aria-live]')).toContainText(/\d+ selected\./)
  await page.getByRole('button', { name: 'Put this map away' }).click()
  await expect(beside).toHaveCount(0)
  await expect(map(page)).toHaveAttribute('data-coloured-by', '')
})
