import { note } from '../scripts/lib/say.mjs'
import { at, median, spread } from './lib/figures.mjs'
import { options as read } from './lib/options.mjs'
import { circumstances, publish, ratio, table, title, whole } from './lib/pages.mjs'
import { start, THREADS } from './lib/peer.mjs'
import { makeSet, prepare } from './lib/prepare.mjs'
import { batches, settings, sweep, turns } from './lib/sweeps.mjs'

/** Approximate search beside other engines: each in a process of its own, in turns within each round, on the same rows and queries. */

const SETS = ['synth100k', 'glove', 'mnist']
const PEERS = [
  ...['hnswlib', 'faiss-hnsw', 'usearch-bf16', 'symqg', 'rabitq-hnsw', 'scann', 'scann-soar', 'qdrant-edge'],
  ...['hnswlib-node', 'usearch-node', 'lancedb'],
]
const RECALLS = [0.9, 0.95, 0.99]

export async function run({ rounds = 3 }) {
  const options = read(process.argv.slice(3), { sets: SETS, peers: PEERS, queries: 500, fresh: false })
  prepare(options.peers)
  const pages = [head(rounds)]
  for (const name of options.sets) {
    pages.push(await compare(makeSet(name), options, rounds))
    console.log(pages.at(-1))
  }
  publish('ann', pages.join('\n\n'), options.write)
}

async function compare(about, options, rounds) {
  const { queries } = options
  const entries = await start(about, options)
  for (const entry of entries) Object.assign(entry, { rounds: [], batches: [] })
  for (let round = 0; round < rounds; round += 1) {
    for (const entry of turns(entries, round)) {
      if (entry.died) continue
      try {
        // Settings beyond the highest recall that is asked for only cost time.
        const rows = await sweep(entry.peer, { efs: settings(entry.name), queries, enough: 0.993 })
        entry.rounds.push(rows)
        const asked = rows.filter(({ recall }) => recall >= 0.88)
        entry.batches.push(await batches(entry.peer, { rows: asked, queries, threads: THREADS }))
        note(entry.name, `round ${round + 1} of ${rounds}`)
      } catch (error) {
        // What the others do is measured all the same.
        entry.died = round + 1
        entry.about += `; died in round ${round + 1}`
        note(entry.name, `died in round ${round + 1}: ${error.message}`)
      }
    }
  }
  for (const { peer } of entries) await peer.end()
  return page(about, entries)
}

function page(about, entries) {
  const lines = []
  const base = entries.find(({ name }) => name === 'hnswlib')
  const figures = (entry, recall) => ({
    p50: entry?.rounds.map((rows) => at(rows, recall, 'p50')) ?? [],
    p99: entry?.rounds.map((rows) => at(rows, recall, 'p99')) ?? [],
    qps: entry?.batches.map((rows) => at(rows, recall, 'qps')) ?? [],
  })
  for (const entry of entries) {
    const { seconds, bytes } = entry.built
    const engine = [
      `${entry.name} (${entry.about})`,
      whole(seconds ? about.rows / seconds : null),
      whole(bytes ? bytes / about.rows : null),
    ]
    for (const [n, recall] of RECALLS.entries()) {
      const [own, other] = [figures(entry, recall), figures(base, recall)]
      lines.push([
        ...(n === 0 ? engine : ['', '', '']),
        recall.toFixed(2),
        spread(own.p50, 1),
        whole(median(own.p99)),
        ratio(own.p50, other.p50),
        spread(own.qps),
        ratio(own.qps, other.qps, true),
      ])
    }
  }
  const columns = ['engine', ':rows/s, build', ':bytes a row, built', ':recall']
  const speed = [':p50 us, min / med / max', ':p99 us', ':ratio', ':batch, queries/s', ':ratio']
  return `## ${title(about)}, local intrinsic dimension ${about.lid}\n\n${table([...columns, ...speed], lines)}`
}

function head(rounds) {
  return `# Approximate search beside other engines

${circumstances(rounds)}
One query is one call on one thread, in the engine's own language: ours and those from npm from JavaScript, the others from Python. LanceDB
answers later, and may take all cores for one query. Batches and builds take all cores; hnswlib-node has one thread. Ratios are to hnswlib,
above 1 is faster. Figures at a recall (recall@10 against exact neighbours) lie between the settings around it.`
}
