import { existsSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { note } from '../scripts/lib/say.mjs'
import { at, spread } from './lib/figures.mjs'
import { options as read } from './lib/options.mjs'
import { circumstances, publish, ratio, table, title } from './lib/pages.mjs'
import { OURS, Peer, THREADS } from './lib/peer.mjs'
import { CACHE, makeSet, prepare } from './lib/prepare.mjs'
import { settings, sweep, turns } from './lib/sweeps.mjs'

/** How long it takes to open what lies on disk and to answer a first query, and what stays in memory; each opening in a fresh process. */

const BASE = 'hnswlib'
const COMPACT = `${OURS}-compact`
const RECALLS = [0.95, 0.99]

export async function run({ rounds = 3 }) {
  const options = read(process.argv.slice(3), {
    sets: ['synth100k', 'mnist', 'synth1m'],
    peers: ['hnswlib', 'faiss-hnsw', 'usearch-bf16'],
    queries: 500,
    fresh: false,
  })
  prepare(options.peers)
  const pages = [head(rounds)]
  for (const name of options.sets) pages.push(await compare(makeSet(name), options, rounds))
  publish('open', pages.join('\n\n'), options.write)
}

async function compare(about, { peers, queries, fresh }, rounds) {
  const entries = []
  for (const name of [OURS, ...peers]) {
    const path = await build(name, about, fresh)
    entries.push({ name, path })
    if (name === OURS) entries.push({ name: COMPACT, path })
  }
  for (const entry of entries) Object.assign(entry, { opened: [], bytes: [], p50: RECALLS.map(() => []) })
  for (let round = 0; round < rounds; round += 1) {
    for (const entry of turns(entries, round)) {
      if (!entry.failed) await measure(entry, about, queries)
    }
    note(about.name, `round ${round + 1} of ${rounds}`)
  }
  const there = entries.filter(({ failed }) => !failed)
  const base = there.find(({ name }) => name === BASE)
  const lines = there.map(({ name, about, opened, bytes, p50 }) => [
    `${name} (${about})`,
    spread(opened, 1),
    spread(bytes),
    ratio(bytes, base?.bytes ?? [], true),
    ...p50.flatMap((own, n) => [spread(own, 1), ratio(own, base?.p50[n] ?? [])]),
  ])
  const columns = ['engine', ':ms to the first answer', ':bytes a row', ':of hnswlib’s']
  const speeds = RECALLS.flatMap((recall) => [`:p50 us at ${recall}`, ':ratio'])
  return `## ${title(about)}\n\n${table([...columns, ...speeds], lines)}`
}

/** Where an engine's index lies; it is built if it is not there. Ours always: it may be another one today. */
async function build(name, about, fresh) {
  const folder = join(CACHE, 'indexes', about.name)
  mkdirSync(folder, { recursive: true })
  const path = join(folder, name)
  if (name !== OURS && !fresh && existsSync(`${path}.json`)) return path
  const peer = new Peer(name)
  await peer.ask({ op: 'open', peer: name, set: about.folder })
  await peer.ask({ op: 'build', threads: THREADS, save: path })
  await peer.end()
  note(name, `${about.name}: built`)
  return path
}

async function measure(entry, about, queries) {
  const peer = new Peer(entry.name)
  try {
    const told = await peer.ask({ op: 'open', peer: entry.name, set: about.folder })
    const efs = settings(entry.name)
    const opened = await peer.ask({ op: 'load', path: entry.path, ef: efs[0] })
    const rows = await sweep(peer, { efs, queries, enough: Math.max(...RECALLS) })
    const { bytes } = await peer.ask({ op: 'held' })
    entry.about = told.about
    entry.opened.push(opened.seconds * 1000)
    entry.bytes.push(bytes / about.rows)
    for (const [n, recall] of RECALLS.entries()) entry.p50[n].push(at(rows, recall, 'p50'))
  } catch (error) {
    entry.failed = true
    note(entry.name, `left out: ${error.message}`)
  }
  await peer.end()
}

function head(rounds) {
  return `# Opening, and what stays in memory

${circumstances(rounds)}
Each opening is in a fresh process, of files that lie in the system's cache; it counts until a first query has its answer. Bytes a row are what the
process holds after searches at every setting up to recall 0.99, above what it held before; pages of mapped files that it touched count.
Ours keeps the rows themselves, safely, in the same place; "memory: compact" is how the same store was opened. One query is one call on one
thread; ratios of speed are to hnswlib, above 1 is faster.`
}
