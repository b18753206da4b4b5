import { readdirSync } from 'node:fs'
import { expect, importSample, neighbours, type Page, select, test, toast } from './app.ts'

/** Rows that the table says there are. */
const rows = (page: Page) => page.getByRole('region', { name: 'Table' }).getByText(/^[\d,]+ rows$/)

test('deleted rows come back with Undo, go again with Redo, and none of it asks', async ({ start }) => {
  const { page } = await start()
  await importSample(page)
  await select(page, [2, 3, 4])
  await page.locator('[data-table]').press('Delete')
  await expect(toast(page)).toContainText('Deleted 3 rows')
  await expect(page.getByRole('dialog')).toHaveCount(0)
  await expect(rows(page)).toHaveText('19,997 rows')

  // In a field the keys are the field's own.
  await page.locator('#query-near').pressSequentially('quee')
  await page.keyboard.press('Control+z')
  await expect(rows(page)).toHaveText('19,997 rows')
  await page.locator('#query-near').fill('')

  await page.locator('[data-table]').press('Control+z')
  await expect(rows(page)).toHaveText('20,000 rows')
  await expect(toast(page)).toContainText('Undid “Deleted 3 rows”')
  await expect(page.getByText('3 selected').first()).toBeVisible()
  await page.locator('[data-table]').press('Control+Shift+z')
  await expect(rows(page)).toHaveText('19,997 rows')
  await expect(toast(page)).toContainText('Redid “Deleted 3 rows”')

  // The palette says what would be undone; the toast of the next delete has the way back on it.
  await page.keyboard.press('Control+k')
  await page.keyboard.type('undo')
  await expect(page.getByRole('option', { name: /Undo “Deleted 3 rows”/ })).toBeVisible()
  await page.keyboard.press('Escape')
  await select(page, [1])
  await page.locator('[data-table]').press('Delete')
  await expect(rows(page)).toHaveText('19,996 rows')
  await toast(page).getByRole('button', { name: /^Undo/ }).click()
  await expect(rows(page)).toHaveText('19,997 rows')
})

test('a tag can be looked past, taken back and brought again, also after quitting', async ({ start }) => {
  const first = await start({ size: [1440, 900] })
  const { page } = first
  await importSample(page)
  await select(page, [0, 1, 2, 3])
  await page.keyboard.press('t')
  await expect(page.getByText('Tag 4 rows')).toBeVisible()
  await page.getByRole('combobox', { name: 'Value' }).fill('common')
  await page.keyboard.press('Enter')
  await expect(toast(page)).toContainText('Set tag to “common” in 4 rows')
  await expect(page.getByRole('gridcell', { name: 'common' })).toHaveCount(4)

  // The second time the column and its values are offered.
  await select(page, [4, 5], true)
  await page.keyboard.press('t')
  await page.getByRole('combobox', { name: 'Value' }).click()
  await page.getByRole('option', { name: /^common/ }).click()
  await page.getByRole('button', { name: 'Apply' }).click()
  await expect(page.getByRole('gridcell', { name: 'common' })).toHaveCount(6)

  await page.keyboard.press('4')
  const change = page.getByRole('button', { name: /Set tag to “common” in 4 rows/ })
  await change.click()
  await expect(page.getByText(/takes back this change and the one after it/)).toBeVisible()
  await page.getByRole('button', { name: 'Look at it as it was before' }).click()
  await expect(
    page.getByRole('status').filter({ hasText: 'You are looking at words as it was' }),
  ).toBeVisible()
  await expect(page.getByRole('gridcell', { name: 'common' })).toHaveCount(0)
  await page.locator('#query-near').fill('king')
  await page.keyboard.press('Enter')
  await expect.poll(() => neighbours(page)).toContain('queen')
  await select(page, [0])
  await expect(page.getByRole('button', { name: 'Delete the selected rows' })).toHaveAttribute(
    'aria-disabled',
    'true',
  )
  await page.getByRole('button', { name: 'Return to now' }).click()
  await expect(page.getByRole('gridcell', { name: 'common' })).toHaveCount(6)

  await page.keyboard.press('4')
  await change.click()
  await page.getByRole('button', { name: 'Go back to before this' }).click()
  await expect(toast(page)).toContainText('Went back to before')
  await expect(change).toHaveAttribute('data-undone', 'true')
  await page.keyboard.press('3')
  await expect(page.getByRole('gridcell', { name: 'common' })).toHaveCount(0)
  await first.close()

  const second = await start({ size: [1440, 900] })
  await second.page.getByRole('navigation', { name: 'Stores' }).getByText('words.db').click()
  await expect(second.page.getByText('20,000 rows').first()).toBeVisible()
  await second.page.locator('[data-table]').press('Control+z')
  await expect(toast(second.page)).toContainText('Undid “Went back')
  await second.page.keyboard.press('4')
  const again = second.page.getByRole('button', { name: /Set tag to “common” in 4 rows/ })
  await expect(again.first()).not.toHaveAttribute('data-undone', 'true')
})

test('a cell is changed in place, refused where it is no value, and emptied', async ({ start }) => {
  const { page } = await start({ size: [1440, 900] })
  await importSample(page)
  await page.locator('[role=row]').nth(3).click()
  const rank = page.locator('[data-field=rank]')
  await expect(rank).toHaveText('5')
  await rank.dblclick()
  const field = page.getByRole('textbox', { name: 'rank' })
  await field.fill('many')
  await page.keyboard.press('Enter')
  await expect(page.getByRole('alert').filter({ hasText: 'A whole number' })).toBeVisible()
  await page.keyboard.press('Escape')
  await expect(rank).toHaveText('5')
  await rank.dblclick()
  await field.fill('77')
  await page.keyboard.press('Enter')
  await expect(rank).toHaveText('77')
  await rank.dblclick()
  await page.getByRole('button', { name: 'Leave it without a value' }).click()
  await expect(rank).toHaveText('no value')
  await page.locator('[data-table]').press('Control+z')
  await expect(rank).toHaveText('77')
})

test('an import is undone and redone from the menu, and a deleted collection comes back', async ({
  start,
}) => {
  const { app, page } = await start()
  await importSample(page)
  const menu = (name: 'Undo' | 'Redo', click = false) =>
    app.evaluate(
      ({ Menu }, [word, run]) => {
        const edit = Menu.getApplicationMenu()?.items.find((item) => item.label === 'Edit')?.submenu
        const found = edit?.items.find((item) => item.label.startsWith(String(word)))
        if (run) found?.click()
        return found?.label ?? ''
      },
      [name, click] as const,
    )
  await expect.poll(() => menu('Undo')).toBe('Undo “Imported 20,000 rows”')
  await menu('Undo', true)
  await expect(page.getByText('No collections yet')).toBeVisible()
  await expect(toast(page)).toContainText('Undid “Imported 20,000 rows”')
  await expect.poll(() => menu('Redo')).toBe('Redo “Imported 20,000 rows”')
  await page.keyboard.press('Control+Shift+z')
  await expect(rows(page)).toHaveText('20,000 rows')
  await page.keyboard.press('1')
  await page.getByRole('button', { name: 'More about words' }).click()
  await page.getByRole('menuitem', { name: 'Delete the collection' }).click()
  await expect(page.getByText('No collections yet')).toBeVisible()
  await toast(page).getByRole('button', { name: /^Undo/ }).click()
  await page.getByRole('button', { name: 'words', exact: true }).click()
  await expect(rows(page)).toHaveText('20,000 rows')
})

test('a snapshot is saved beside the store and opens as one; compacting says what it gave back', async ({
  start,
  home,
}) => {
  const { page } = await start()
  await importSample(page)
  await page.keyboard.press('1')
  await page.getByRole('button', { name: 'Verify' }).click()
  await expect(page.getByText(/Every checksum is right/)).toBeVisible()
  await page.getByRole('button', { name: /Save a snapshot/ }).click()
  await page.getByRole('button', { name: 'Save the snapshot' }).click()
  await expect(page.getByText('The snapshot is saved')).toBeVisible()
  await page.getByRole('button', { name: 'Done' }).click()
  expect(readdirSync(home).filter((name) => /^words \d{4}-\d\d-\d\d\.db$/.test(name))).toHaveLength(1)

  await page.keyboard.press('2')
  await select(page, [0, 1, 2])
  await page.locator('[data-table]').press('Delete')
  await expect(toast(page)).toContainText('Deleted 3 rows')
  await page.keyboard.press('1')
  await page.getByRole('button', { name: /Compact/ }).click()
  await page.getByRole('checkbox', { name: /Forget the history/ }).click()
  await page.getByRole('button', { name: 'Compact', exact: true }).click()
  await expect(page.getByText('words.db is compacted')).toBeVisible({ timeout: 30_000 })
  await page.getByRole('button', { name: 'Done' }).click()
  await page.keyboard.press('4')
  await expect(page.getByText('Nothing was changed yet')).toBeVisible()
  await page.keyboard.press('3')
  await expect(rows(page)).toHaveText('19,997 rows')
})
