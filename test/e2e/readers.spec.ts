import { type ChildProcess, spawn } from 'node:child_process'
import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { drop, expect, importSample, select, test, toast } from './app.ts'

/** Another process that has a store open and writes what it is told. */
async function writer(
  store: string,
): Promise<{ tell: (line: string) => Promise<void>; child: ChildProcess }> {
  const script = fileURLToPath(new URL('./writer.mjs', import.meta.url))
  const child = spawn(process.execPath, [script, store], { stdio: ['pipe', 'pipe', 'inherit'] })
  const heard = () => new Promise((resolve) => child.stdout?.once('data', resolve))
  await heard()
  return {
    child,
    tell: async (line) => {
      const answer = heard()
      child.stdin?.write(`${line}\n`)
      await answer
    },
  }
}

test('[S1] a store that another program writes is opened read-only and followed, then taken over', async ({
  start,
  home,
}) => {
  const first = await start()
  await importSample(first.page)
  await first.close()
  const other = await writer(join(home, 'words.db'))
  try {
    const { page } = await start()
    await page.getByRole('navigation', { name: 'Stores' }).getByText('words.db').click()
    await expect(page.getByText('words.db is being written by another program')).toBeVisible()
    await expect(page.getByText(new RegExp(`process ${other.child.pid}`))).toBeVisible()
    await page.getByRole('button', { name: 'Try again' }).click()
    await expect(page.getByText('words.db is being written by another program')).toBeVisible()
    await page.getByRole('button', { name: 'Open read-only' }).click()
    await expect(page.getByText('20,000 rows').first()).toBeVisible()
    await expect(page.getByRole('button', { name: /^Read-only/ })).toBeVisible()

    // What would write says why it does not; what reads works.
    await select(page, [1])
    const remove = page.getByRole('button', { name: 'Delete the selected rows' })
    await expect(remove).toHaveAttribute('aria-disabled', 'true')
    await remove.hover()
    await expect(page.getByText(/^This store is open read-only/)).toBeVisible()
    await page.locator('[data-table]').press('Delete')
    await expect(page.getByText('20,000 rows').first()).toBeVisible()

    await other.tell('add quasar')
    await expect(page.getByText('20,001 rows').first()).toBeVisible({ timeout: 10_000 })
    await expect(page.getByText('updated just now')).toBeVisible()

    other.child.kill('SIGKILL')
    await expect
      .poll(
        async () => {
          await page.getByRole('button', { name: /^Read-only/ }).click()
          return toast(page).textContent()
        },
        { timeout: 10_000 },
      )
      .toMatch(/can be changed now/)
    await expect(page.getByRole('button', { name: /^Read-only/ })).toHaveCount(0)
    await page.locator('[data-table]').press('Delete')
    await expect(page.getByText('20,000 rows').first()).toBeVisible()
  } finally {
    other.child.kill('SIGKILL')
  }
})

test('a damaged store is told as such, and what is sound goes into a new one', async ({ start, home }) => {
  const first = await start()
  await importSample(first.page)
  await first.close()
  const store = join(home, 'words.db')
  damageManifests(store)
  const { page } = await start()
  await expect(page.getByRole('navigation', { name: 'Stores' }).getByText('words.db')).toBeVisible()
  await drop(page, [store])
  await expect(page.getByText('words.db is damaged')).toBeVisible()
  await page.getByRole('button', { name: /Repair into a new store/ }).click()
  await page.getByRole('button', { name: 'Repair', exact: true }).click()
  await page.getByRole('button', { name: /^Open words repaired/ }).click()
  await expect(page.getByText('20,000 rows').first()).toBeVisible({ timeout: 30_000 })
})

/** Turns a byte in the middle of every manifest. */
function damageManifests(store: string): void {
  for (const name of readdirSync(store).filter((one) => one.startsWith('MANIFEST'))) {
    const path = join(store, name)
    const bytes = readFileSync(path)
    const at = Math.floor(statSync(path).size / 2)
    bytes[at] = (bytes[at] ?? 0) ^ 0xff
    writeFileSync(path, bytes)
  }
}
