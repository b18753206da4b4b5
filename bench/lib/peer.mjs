import { spawn } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { done, note } from '../../scripts/lib/say.mjs'
import { NPM } from './options.mjs'
import { CACHE, HERE, PYTHON_BINARY } from './prepare.mjs'
import { settings } from './sweeps.mjs'

/** Builds and batches take all cores. */
export const THREADS = availableParallelism()
export const OURS = 'omendb'

function programOf(name) {
  const script = name.startsWith(OURS) ? 'ours.mjs' : NPM.includes(name) ? 'npm.mjs' : 'peers.py'
  return [script.endsWith('.py') ? PYTHON_BINARY : process.execPath, join(HERE, script)]
}

/** An engine in a process of its own, which answers one line of JSON with one. */
export class Peer {
  /** `program`: what is run, instead of what answers for an engine of that name. */
  constructor(name, program = programOf(name)) {
    this.name = name
    const [command, ...args] = program
    // The first is ScaNN's, which talks much.
    const env = { ...process.env, TF_CPP_MIN_LOG_LEVEL: '3', PYTHONDONTWRITEBYTECODE: '1' }
    this.child = spawn(command, args, { stdio: ['pipe', 'pipe', 'inherit'], env })
    // A process that ended is told by the missing answer.
    this.child.stdin.on('error', () => {})
    this.lines = createInterface({ input: this.child.stdout })[Symbol.asyncIterator]()
  }

  async ask(order) {
    this.child.stdin.write(`${JSON.stringify(order)}\n`)
    for (;;) {
      const { value, done: ended } = await this.lines.next()
      if (ended) throw new Error(`${this.name} ended`)
      if (!value.startsWith('{')) continue
      const answer = JSON.parse(value)
      if (answer.error) throw new Error(`${this.name}: ${answer.error}`)
      return answer
    }
  }

  /** Ends the process and resolves when it is gone. */
  end() {
    this.child.stdin.end()
    if (this.child.exitCode !== null || this.child.signalCode !== null) return Promise.resolve()
    return new Promise((resolve) => this.child.once('exit', resolve))
  }
}

/**
 * Opens ours and the peers on a set, each with its index: from the cache, where one was built before and `fresh` does not
 * ask for a new one. An engine that cannot is left out, with a word why. With `columns` the rows have their columns.
 */
export async function start(about, { peers, fresh = false }, { columns = false } = {}) {
  const entries = []
  for (const name of [OURS, ...peers]) {
    const peer = new Peer(name)
    try {
      const opened = await peer.ask({ op: 'open', peer: name, set: about.folder })
      if (columns && !opened.filters) throw new Error('it has no filter')
      const built = await index(peer, about, { fresh, columns: columns && opened.columns })
      entries.push({ name, peer, about: opened.about, built })
      const rate = Math.round(about.rows / built.seconds).toLocaleString('en')
      done(name, `${about.name}: ${built.cached ? 'from the cache' : `${rate} rows a second`}`)
    } catch (error) {
      await peer.end()
      note(name, `left out: ${error.message}`)
    }
  }
  return entries
}

async function index(peer, about, { fresh, columns }) {
  const folder = join(CACHE, 'indexes', about.name)
  mkdirSync(folder, { recursive: true })
  const path = join(folder, columns ? `${peer.name}-columns` : peer.name)
  const known = `${path}.json`
  if (!fresh && peer.name !== OURS && existsSync(known)) {
    await peer.ask({ op: 'load', path, ef: settings(peer.name)[0] })
    return { ...JSON.parse(readFileSync(known, 'utf8')), cached: true }
  }
  const save = peer.name === OURS ? undefined : path
  const built = await peer.ask({ op: 'build', threads: THREADS, columns, save })
  if (save) writeFileSync(known, JSON.stringify(built))
  return built
}
