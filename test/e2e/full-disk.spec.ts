import { execFileSync } from 'node:child_process'
import { closeSync, cpSync, mkdirSync, openSync, rmSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { drop, expect, importSample, select, test, toast } from './app.ts'

test('[W5] [W6] a full disk is told with its bytes, nothing is lost, and writing goes on when there is room', async ({
  start,
  home,
}) => {
  const disk = join(home, 'small disk')
  test.skip(!mount(disk), 'no file system of its own can be mounted here')
  try {
    const first = await start()
    await importSample(first.page)
    await first.close()
    const store = join(disk, 'words.db')
    cpSync(join(home, 'words.db'), store, { recursive: true })
    const { page } = await start({ size: [1440, 900] })
    await expect(page.getByRole('navigation', { name: 'Stores' }).getByText('words.db')).toBeVisible()
    await drop(page, [store])
    await expect(page.getByText('20,000 rows').first()).toBeVisible()
    fill(join(disk, 'filler'))
    const banner = page.locator('[data-trouble]')
    // What is left of the last block takes a few writes.
    await select(page, [1])
    for (let writes = 0; writes < 8 && !(await banner.isVisible()); writes += 1) {
      await page.keyboard.press('t')
      await page.getByRole('combobox', { name: 'Value' }).fill(`${writes} `.repeat(1_000))
      await page.keyboard.press('Enter')
      await page.waitForTimeout(400)
    }
    await expect(banner).toContainText(/The disk of words\.db is full: [\d.]+ (bytes|kB|MB) were needed/)
    await expect(banner).toContainText('Everything acknowledged is kept')
    await expect(page.getByRole('dialog').getByRole('alert')).toBeVisible()
    await page.keyboard.press('Escape')
    const changes = await changesShown()

    rmSync(join(disk, 'filler'))
    await banner.getByRole('button', { name: 'Open the store again' }).click()
    await expect(banner).toHaveCount(0)
    expect(await changesShown()).toBe(changes)
    await page.keyboard.press('2')
    await page.locator('[data-table]').press('Delete')
    await expect(toast(page)).toContainText('Deleted 1 row')
    expect(await changesShown()).toBe(changes + 1)

    /** How many changes the history holds: each that was acknowledged. */
    async function changesShown(): Promise<number> {
      await page.keyboard.press('4')
      const text = await page.getByText(/^[\d,]+ changes?$/).innerText()
      return Number(text.replace(/\D/g, ''))
    }
  } finally {
    unmount(disk)
  }
})

function mount(folder: string): boolean {
  mkdirSync(folder)
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=32m', 'tmpfs', folder], { stdio: 'ignore' })
    return true
  } catch {
    return false
  }
}

function unmount(folder: string): void {
  try {
    execFileSync('umount', ['-l', folder], { stdio: 'ignore' })
  } catch {
    // It was not mounted.
  }
}

/** Writes until nothing more fits. */
function fill(path: string): void {
  const file = openSync(path, 'w')
  const block = Buffer.alloc(4_096)
  try {
    for (;;) writeSync(file, block)
  } catch {
    closeSync(file)
  }
}
