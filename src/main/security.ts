import { readFile, realpath } from 'node:fs/promises'
import { extname, join, normalize, sep } from 'node:path'
import { app, protocol, type Session, session, type WebContents } from 'electron'

/**
 * Everything that keeps a page in its box stands here. Change nothing without reading Electron's security
 * checklist; test/e2e/security.spec.ts holds an attempt at each rule.
 */

export const APP_SCHEME = 'app'
export const APP_ORIGIN = `${APP_SCHEME}://studio`

const POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' data: blob:",
  "font-src 'self'",
  "connect-src 'self'",
  "worker-src 'self' blob:",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ')

const TYPES = new Map([
  ['.html', 'text/html; charset=utf-8'],
  ['.js', 'text/javascript; charset=utf-8'],
  ['.css', 'text/css; charset=utf-8'],
  ['.svg', 'image/svg+xml'],
  ['.png', 'image/png'],
  ['.woff2', 'font/woff2'],
  ['.json', 'application/json'],
])

/** Permissions a page may use; all others are refused. */
const ALLOWED_PERMISSIONS = new Set(['clipboard-sanitized-write'])

/** Before the app is ready. */
export function registerScheme(): void {
  protocol.registerSchemesAsPrivileged([
    {
      scheme: APP_SCHEME,
      privileges: { standard: true, secure: true, supportFetchAPI: true, codeCache: true },
    },
  ])
}

/** Serves the built page from `root` and locks the session down. `devOrigin` is the dev server's, or null. */
export function secureSession(root: string, devOrigin: string | null): void {
  const own = session.defaultSession
  protocol.handle(APP_SCHEME, (request) => serve(root, request))
  denyPermissions(own)
  // No request leaves the machine from the page: only the app's own scheme, blobs, and the dev server.
  own.webRequest.onBeforeRequest((details, decide) => {
    const url = parse(details.url)
    const allowed =
      url !== null &&
      (['app:', 'data:', 'blob:', 'devtools:'].includes(url.protocol) ||
        (devOrigin !== null && url.host === new URL(devOrigin).host))
    decide({ cancel: !allowed })
  })
}

function denyPermissions(own: Session): void {
  own.setPermissionRequestHandler((_contents, permission, decide) =>
    decide(ALLOWED_PERMISSIONS.has(permission)),
  )
  own.setPermissionCheckHandler((_contents, permission) => ALLOWED_PERMISSIONS.has(permission))
  own.setDevicePermissionHandler(() => false)
}

/** Navigation, new windows and webviews are refused for every page that ever exists. */
export function refuseNavigation(): void {
  app.on('web-contents-created', (_event, contents) => {
    contents.on('will-navigate', (event) => event.preventDefault())
    contents.on('will-redirect', (event) => event.preventDefault())
    contents.on('will-frame-navigate', (event) => event.preventDefault())
    contents.on('will-attach-webview', (event) => event.preventDefault())
    contents.setWindowOpenHandler(() => ({ action: 'deny' }))
  })
}

/** True for messages from the app's own page in the main frame of `contents`; an empty URL is refused. */
export function isTrustedSender(
  contents: WebContents,
  frame: Electron.WebFrameMain | null,
  devOrigin: string | null,
): boolean {
  if (frame === null || frame !== contents.mainFrame) return false
  const url = parse(frame.url)
  if (url === null) return false
  const origin = `${url.protocol}//${url.host}`
  return origin === APP_ORIGIN || (devOrigin !== null && origin === new URL(devOrigin).origin)
}

async function serve(root: string, request: Request): Promise<Response> {
  const url = parse(request.url)
  if (request.method !== 'GET' || url === null || `${url.protocol}//${url.host}` !== APP_ORIGIN) {
    return new Response('Not found', { status: 404 })
  }
  try {
    const relative = normalize(decodeURIComponent(url.pathname === '/' ? '/index.html' : url.pathname))
    const base = await realpath(root)
    const path = await realpath(join(base, relative))
    const type = TYPES.get(extname(path))
    if (!path.startsWith(base + sep) || type === undefined) return new Response('Not found', { status: 404 })
    return new Response(new Uint8Array(await readFile(path)), {
      headers: {
        'content-type': type,
        'content-security-policy': POLICY,
        'x-content-type-options': 'nosniff',
        'cross-origin-opener-policy': 'same-origin',
      },
    })
  } catch {
    return new Response('Not found', { status: 404 })
  }
}

function parse(url: string): URL | null {
  try {
    return new URL(url)
  } catch {
    return null
  }
}
