import { spawn, spawnSync } from 'node:child_process'
import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { ROOT } from '../../scripts/lib/files.mjs'

/** Our maps, as a person gets them: `omendb map` on a store. */

export const CLI = join(ROOT, 'scripts/omendb.mjs')
/** Neighbours beside the row itself. */
export const OTHERS = 14
export const EPOCHS = 200

/** Ours: the layout alone as a program, the whole as `omendb map` on a store with the rows and without an index. */
export class Ours {
  #store

  constructor(layout, scratch) {
    this.layout = layout
    this.scratch = scratch
  }

  async ask({ op, set, folder, given, out, seed }) {
    if (op === 'open') {
      this.set = set
      return {}
    }
    if (op === 'warm') return { seconds: 0 }
    const about = JSON.parse(readFileSync(join(this.set, 'set.json'), 'utf8'))
    if (given) {
      const args = [folder, String(OTHERS), out, `vectors=${join(this.set, 'base.f32')}`]
      args.push(`dimension=${about.dim}`, `metric=${about.metric}`, `epochs=${EPOCHS}`, `seed=${seed}`)
      return JSON.parse(tool(this.layout, args))
    }
    // A new one each time: an index that was built during the last map would be there.
    this.#store = this.#import(about)
    const csv = join(this.scratch, 'map.csv')
    const args = ['map', '--store', this.#store, '--out', csv, '--epochs', String(EPOCHS), '--json']
    const { output, held } = await watched([CLI, ...args, '--seed', String(seed)])
    const said = JSON.parse(output)
    writeFileSync(out, coordinates(csv, about.rows))
    return { ...said, held }
  }

  #import({ metric, name }) {
    const store = join(this.scratch, `${name}.db`)
    rmSync(store, { recursive: true, force: true })
    const args = ['import', join(this.set, 'base.npy'), '--store', store, '--collection', 'rows']
    tool(process.execPath, [CLI, ...args, '--metric', metric, '--no-index', '--json'])
    return store
  }

  end() {
    if (this.#store) rmSync(this.#store, { recursive: true, force: true })
    return Promise.resolve()
  }
}

export function tool(command, args) {
  const { status, stdout, stderr } = spawnSync(command, args, { encoding: 'utf8' })
  if (status !== 0) throw new Error(stderr)
  return stdout
}

/** Runs a Node program and looks at how much memory of its own, files aside, it has at most. */
async function watched(args) {
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] })
  let [output, held] = ['', 0]
  child.stdout.on('data', (text) => {
    output += text
  })
  const looking = setInterval(() => {
    try {
      const status = readFileSync(`/proc/${child.pid}/status`, 'utf8')
      held = Math.max(held, Number(/RssAnon:\s+(\d+)/.exec(status)?.[1] ?? 0) * 1024)
    } catch {
      // Not every system says.
    }
  }, 50)
  const code = await new Promise((resolve) => child.once('close', resolve))
  clearInterval(looking)
  if (code !== 0) throw new Error(`omendb map ended with code ${code}`)
  return { output, held }
}

/** x and y of each row, in the order of the rows' numbers. */
export function coordinates(csv, rows) {
  const [names, ...lines] = readFileSync(csv, 'utf8').trimEnd().split('\n')
  const columns = names.trim().split(',')
  const [id, x, y] = ['row', 'x', 'y'].map((name) => columns.indexOf(name))
  const xy = new Float32Array(rows * 2).fill(Number.NaN)
  for (const line of lines) {
    const cells = line.split(',')
    xy.set([Number(cells[x]), Number(cells[y])], Number(cells[id]) * 2)
  }
  return new Uint8Array(xy.buffer)
}
