import { note } from '../scripts/lib/say.mjs'
import { spread } from './lib/figures.mjs'
import { options as read } from './lib/options.mjs'
import { circumstances, publish, ratio, table, title } from './lib/pages.mjs'
import { OURS, Peer, THREADS } from './lib/peer.mjs'
import { makeSet, prepare } from './lib/prepare.mjs'
import { settings, turns } from './lib/sweeps.mjs'

/** How fast an index is built on all cores, and the memory that it takes; each build in a fresh process. */

const PEERS = [
  ...['hnswlib', 'faiss-hnsw', 'usearch-bf16', 'symqg', 'rabitq-hnsw', 'scann', 'qdrant-edge'],
  ...['usearch-node', 'hnswlib-node', 'lancedb'],
]
const BASE = 'hnswlib'
/** Searches after a build, so that what they alone load counts as resident. */
const QUERIES = 200

export async function run({ rounds = 3 }) {
  const options = read(process.argv.slice(3), { sets: ['synth100k', 'mnist'], peers: PEERS })
  prepare(options.peers)
  const pages = [head(rounds)]
  for (const name of options.sets) pages.push(await compare(makeSet(name), options, rounds))
  publish('build', pages.join('\n\n'), options.write)
}

async function compare(about, options, rounds) {
  const entries = [OURS, ...options.peers].map((name) => ({
    name,
    speed: [],
    accepted: [],
    bytes: [],
    peak: [],
  }))
  for (let round = 0; round < rounds; round += 1) {
    for (const entry of turns(entries, round)) {
      if (!entry.failed) await build(entry, about)
      note(entry.name, `${about.name}, round ${round + 1} of ${rounds}`)
    }
  }
  const base = entries.find(({ name }) => name === BASE)
  const there = entries.filter(({ failed }) => !failed)
  const lines = there.map(({ name, about, speed, bytes, peak }) => {
    return [
      `${name} (${about})`,
      spread(speed),
      ratio(speed, base?.speed ?? [], true),
      spread(bytes),
      spread(peak),
    ]
  })
  const columns = ['engine', ':rows/s, min / med / max', ':ratio']
  const memory = [':bytes a row, resident', ':bytes a row, at most']
  const { accepted } = entries[0]
  const taken =
    accepted.length > 0
      ? `\n\nOurs accepts ${spread(accepted)} rows a second: so many are synced and can be searched, while the index is built behind them.`
      : ''
  return `## ${title(about)}\n\n${table([...columns, ...memory], lines)}${taken}`
}

async function build(entry, about) {
  const peer = new Peer(entry.name)
  try {
    const opened = await peer.ask({ op: 'open', peer: entry.name, set: about.folder })
    const built = await peer.ask({ op: 'build', threads: THREADS })
    await peer.ask({ op: 'sweep', efs: settings(entry.name, [100]).slice(0, 1), queries: QUERIES })
    const { bytes, peak } = await peer.ask({ op: 'held' })
    entry.about = opened.about
    entry.speed.push(about.rows / built.seconds)
    if (built.accepted) entry.accepted.push(about.rows / built.accepted)
    entry.bytes.push(bytes / about.rows)
    entry.peak.push(peak === null ? null : peak / about.rows)
  } catch (error) {
    entry.failed = true
    note(entry.name, `left out: ${error.message}`)
  }
  await peer.end()
}

function head(rounds) {
  return `# Building an index beside other engines

${circumstances(rounds)} Builds take ${THREADS} cores; hnswlib-node has one thread.
Ratios are to hnswlib, above 1 is faster. What is resident is counted after the build and ${QUERIES} searches, at most is until then, both above
what the process held before; the vectors that the other engines are given lay in memory already and are not counted, so that their copies
are. Ours, LanceDB and Qdrant write to disk meanwhile: pages of files that they map count too. Ours imports the rows in a process of its own,
which is not counted: its rows a second are those of the index. Those of LanceDB and Qdrant have the rows' way into the table in it.`
}
