import type { MessagePortMain } from 'electron'
import { createEngine, type GrantMap } from './index.ts'

/**
 * Entry of the engine's own process, forked by Electron's main process. Main grants paths and hands over one port
 * for each window; everything else goes over those ports. The only file that knows Electron, and only its types.
 */

interface ParentPort {
  on(event: 'message', listener: (event: { data: unknown; ports: MessagePortMain[] }) => void): void
  postMessage(message: unknown): void
}

/** Paths that main may have granted at once; the oldest go first, as main's own do. */
const GRANTS_MAX = 10_000
const BEAT_MS = 1_000

const parent = (process as unknown as { parentPort?: ParentPort }).parentPort
if (!parent) {
  process.stderr.write('This file is the engine process of OmenDB and is started by the app.\n')
  process.exit(1)
}

const grants: GrantMap = new Map()
const engine = createEngine({ grants, holder: 'OmenDB Studio' })

parent.on('message', ({ data, ports }) => {
  if (typeof data !== 'object' || data === null) return
  const message = data as Record<string, unknown>
  if (message.type === 'grant') grant(message)
  else if (message.type === 'client') for (const port of ports) serve(port)
  else if (message.type === 'close') void close()
})

setInterval(() => parent.postMessage({ type: 'beat' }), BEAT_MS)
parent.postMessage({ type: 'ready' })

function grant({ grant, path, kind }: Record<string, unknown>): void {
  if (typeof grant !== 'string' || typeof path !== 'string') return
  if (kind !== 'file' && kind !== 'store') return
  grants.delete(grant)
  grants.set(grant, { path, kind })
  if (grants.size > GRANTS_MAX) {
    const [oldest] = grants.keys()
    if (oldest !== undefined) grants.delete(oldest)
  }
}

function serve(port: MessagePortMain): void {
  const receive = engine.router.connect((reply) => port.postMessage(reply))
  const stop = engine.on((message) => port.postMessage(message))
  port.on('message', (event) => void receive(event?.data))
  port.on('close', stop)
  port.start()
}

async function close(): Promise<void> {
  await engine.close()
  parent?.postMessage({ type: 'closed' })
  process.exit(0)
}
