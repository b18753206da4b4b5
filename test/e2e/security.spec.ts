import { expect, test } from './app.ts'

test('[A1] the page is in its box', async ({ start }) => {
  const { app, page } = await start()
  const preferences = await app.evaluate(({ BrowserWindow }) => {
    const contents = BrowserWindow.getAllWindows()[0]?.webContents as unknown as {
      getLastWebPreferences: () => Record<string, unknown>
    }
    const { sandbox, contextIsolation, nodeIntegration, webSecurity, webviewTag } =
      contents.getLastWebPreferences()
    return { sandbox, contextIsolation, nodeIntegration, webSecurity, webviewTag: webviewTag ?? false }
  })
  expect(preferences).toEqual({
    sandbox: true,
    contextIsolation: true,
    nodeIntegration: false,
    webSecurity: true,
    webviewTag: false,
  })
  expect(await page.evaluate(() => [typeof globalThis.require, typeof globalThis.process])).toEqual([
    'undefined',
    'undefined',
  ])
})

test('[A1] no script but the app’s own runs, and nothing is fetched from elsewhere', async ({ start }) => {
  const { page } = await start()
  // Playwright's own evaluation is not bound by the policy, so each attempt is made by the page itself.
  const outcome = await page.evaluate(async () => {
    const violations: string[] = []
    document.addEventListener('securitypolicyviolation', (event) => violations.push(event.effectiveDirective))
    const script = document.createElement('script')
    script.textContent = 'window.__broken = true'
    document.body.append(script)
    const button = document.createElement('button')
    button.setAttribute('onclick', 'window.__broken = true')
    document.body.append(button)
    button.click()
    const remote = await fetch('https://example.com/').then(
      () => 'fetched',
      () => 'refused',
    )
    const file = await fetch('file:///etc/hostname').then(
      () => 'fetched',
      () => 'refused',
    )
    await new Promise((resolve) => setTimeout(resolve, 100))
    return { broken: '__broken' in window, remote, file, violations: violations.length }
  })
  expect(outcome.broken).toBe(false)
  expect(outcome.remote).toBe('refused')
  expect(outcome.file).toBe('refused')
  expect(outcome.violations).toBeGreaterThan(2)
})

test('[A2] navigation, new windows and permissions are refused', async ({ start }) => {
  const { app, page } = await start()
  const before = page.url()
  await page.evaluate(() => {
    location.href = 'https://example.com/'
  })
  await page.evaluate(() => void window.open('https://example.com/'))
  await page.waitForTimeout(300)
  expect(page.url()).toBe(before)
  expect(await app.evaluate(({ BrowserWindow }) => BrowserWindow.getAllWindows().length)).toBe(1)
  const notification = await page.evaluate(() => Notification.requestPermission())
  expect(notification).toBe('denied')
})

test('[A2] the scheme serves nothing outside the built page', async ({ start }) => {
  const { page } = await start()
  const answers = await page.evaluate(() =>
    Promise.all(
      [
        '/../../package.json',
        '/%2e%2e/%2e%2e/package.json',
        '/..%5c..%5cpackage.json',
        '/%2e%2e/main/index.js',
        '/nope.js',
      ].map((path) =>
        fetch(`app://studio${path}`).then(
          (answer) => answer.status,
          () => 0,
        ),
      ),
    ),
  )
  expect(answers.every((status) => status === 404 || status === 0)).toBe(true)
})

test('[A3] the page can open nothing that was not given to it', async ({ start }) => {
  const { page } = await start()
  const codes = await page.evaluate(async () => {
    const api = (window as unknown as { omendb: Record<string, (...args: unknown[]) => Promise<unknown>> })
      .omendb
    const code = (promise: Promise<unknown> | undefined) =>
      Promise.resolve(promise).then(
        () => 'allowed',
        (error: { code?: string }) => error.code ?? 'refused',
      )
    return [
      await code(api.opened?.('/etc/passwd')),
      await code(api.revealStore?.('made-up-grant')),
      await code(api.setTheme?.('neon')),
      await code(api.dropped?.(new File(['x'], 'made-up.parquet'))),
      await code(api.suggestStore?.(42)),
    ]
  })
  expect(codes).toEqual(['NOT_GRANTED', 'NOT_GRANTED', 'INVALID_REQUEST', 'NOT_GRANTED', 'INVALID_REQUEST'])
})

test('window.omendb has the contract’s names and no others', async ({ start }) => {
  const { page } = await start()
  const names = await page.evaluate(() =>
    Object.keys((window as unknown as { omendb: object }).omendb).sort(),
  )
  expect(names).toEqual(
    [
      'dropped',
      'editMenu',
      'engineStatus',
      'forgetRecent',
      'info',
      'onEngineStatus',
      'onMenu',
      'onOpen',
      'opened',
      'pickFile',
      'pickNewStore',
      'pickStore',
      'recents',
      'restartEngine',
      'revealStore',
      'sample',
      'setTheme',
      'suggestStore',
    ].sort(),
  )
})
