import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { note } from '../../scripts/lib/say.mjs'
import { spread } from '../lib/figures.mjs'
import { table } from '../lib/pages.mjs'
import { CLI, coordinates, tool } from './ours.mjs'

/** Rows that come after a map: placed on it by `omendb map --place`, and by umap-learn's `transform`. */

/** One row in so many comes later. */
const EVERY = 10

/** The section of a page on the rows of a set that came later; `judge`: umap-learn with the set open. */
export async function comparePlaced(about, { judge, rounds, sample, epochs, scratch }) {
  const makers = { omendb: () => ours(about, epochs, scratch), 'umap-learn': (out) => learnt(judge, out) }
  const found = Object.keys(makers).map((name) => ({ name, seconds: [], trust: [], continuity: [] }))
  const out = join(scratch, 'placed.f32')
  for (let round = 0; round < rounds; round += 1) {
    for (const figures of found) {
      const made = await makers[figures.name](out)
      if (made.xy) writeFileSync(out, made.xy)
      const judged = await judge.ask({ op: 'score', path: out, sample, every: EVERY })
      figures.seconds.push(made.seconds)
      figures.trust.push(judged.trustworthiness)
      figures.continuity.push(judged.continuity)
    }
    note(about.name, `placed, round ${round + 1} of ${rounds}`)
  }
  const lines = found.map(({ name, seconds, trust, continuity }) => [
    name,
    spread(seconds, 2),
    spread(trust, 4),
    spread(continuity, 4),
  ])
  const text = `One row in ${EVERY} left out, and placed on the map of the others; judged by these rows alone, against all:`
  return `${text}\n\n${table(['maker', ':s to place', ':trustworthiness', ':continuity'], lines)}`
}

const learnt = (judge, out) => judge.ask({ op: 'transform', out, every: EVERY })

function ours({ folder, name, metric, dim, rows }, epochs, scratch) {
  const data = readFileSync(join(folder, 'base.f32'))
  const bytes = 4 * dim
  const later = (row) => row % EVERY === 0
  const order = [...Array(rows).keys()].sort((a, b) => Number(later(a)) - Number(later(b)) || a - b)
  const first = order.filter((row) => !later(row)).length
  const pick = (some) => Buffer.concat(some.map((row) => data.subarray(row * bytes, (row + 1) * bytes)))
  const files = [order.slice(0, first), order.slice(first)].map((some, at) => {
    const path = join(scratch, `part-${at}.npy`)
    writeFileSync(path, npy(some.length, dim, pick(some)))
    return path
  })
  const store = join(scratch, `${name}-placed.db`)
  const csv = join(scratch, 'placed.csv')
  const bring = (path) =>
    tool(process.execPath, [
      ...[CLI, 'import', path, '--store', store, '--collection', 'rows'],
      ...['--metric', metric, '--json'],
    ])
  const map = (...how) =>
    JSON.parse(tool(process.execPath, [CLI, 'map', '--store', store, '--out', csv, '--json', ...how]))
  bring(files[0])
  map('--epochs', String(epochs))
  bring(files[1])
  const { seconds } = map('--place')
  const drawn = new Float32Array(coordinates(csv, rows).buffer)
  rmSync(store, { recursive: true, force: true })
  const xy = new Float32Array(rows * 2)
  for (const [at, row] of order.entries()) xy.set(drawn.subarray(at * 2, at * 2 + 2), row * 2)
  return { seconds, xy: new Uint8Array(xy.buffer) }
}

/** A .npy file of 32-bit floats. */
function npy(rows, dim, data) {
  const head = `{'descr': '<f4', 'fortran_order': False, 'shape': (${rows}, ${dim}), }`
  const text = `${head.padEnd(Math.ceil((head.length + 11) / 64) * 64 - 11)}\n`
  const start = Buffer.from([0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59, 1, 0, text.length & 255, text.length >> 8])
  return Buffer.concat([start, Buffer.from(text, 'latin1'), data])
}
