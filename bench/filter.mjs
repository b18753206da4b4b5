import { note } from '../scripts/lib/say.mjs'
import { at, median, spread } from './lib/figures.mjs'
import { options as read } from './lib/options.mjs'
import { circumstances, publish, ratio, table, title } from './lib/pages.mjs'
import { start, THREADS } from './lib/peer.mjs'
import { makeFilters, makeSet, prepare } from './lib/prepare.mjs'
import { around, batches, FILTER_EFS, settings, sweep, turns } from './lib/sweeps.mjs'

/** Search among the rows that a condition lets pass, beside other engines. */

const PEERS = [
  'hnswlib',
  'faiss-hnsw',
  'faiss-flat',
  'qdrant-edge',
  'hnswlib-node',
  'lancedb',
  'lancedb-rq',
  'sqlite-vec',
]
const BASE = 'faiss-hnsw'
const RECALL = 0.95
const COLUMNS = {
  bucket: 'a random number, which has nothing to do with the vectors',
  slope:
    'the rank along a direction in the space of the vectors: rows that pass are near each other and far from most queries',
}
/** Rows of a thousand that pass. */
const BELOW = [500, 100, 10, 1]
/** An engine that takes this long for a query, in us, is not pushed further. */
const SLOW = 50_000

export async function run({ rounds = 3 }) {
  const options = read(process.argv.slice(3), {
    sets: ['synth100k', 'glove'],
    peers: PEERS,
    queries: 200,
    fresh: false,
  })
  prepare(options.peers)
  const pages = [head(rounds)]
  for (const name of options.sets) pages.push(await compare(makeSet(name), options, rounds))
  publish('filter', pages.join('\n\n'), options.write)
}

async function compare(about, options, rounds) {
  const { passing } = makeFilters(about)
  const entries = await start(about, options, { columns: true })
  const sections = [`## ${title(about)}`, engines(entries)]
  for (const [column, meaning] of Object.entries(COLUMNS)) {
    const lines = []
    for (const below of BELOW) {
      const rows = passing[`${column}-${below}`]
      lines.push(...(await measure(entries, { column, below }, rows, options, rounds)))
      note(about.name, `${column} < ${below}`)
    }
    const columns = ['rows that pass', 'engine', ':recall', ':p50 us, min / med / max', ':ratio']
    sections.push(
      `### ${column}: ${meaning}`,
      table([...columns, ':batch, queries/s', ':ratio', ':first query, us'], lines),
    )
  }
  for (const { peer } of entries) await peer.end()
  return sections.join('\n\n')
}

/** The lines of one filter. */
async function measure(entries, filter, passing, { queries }, rounds) {
  const found = new Map(
    entries.map(({ name }) => [name, { efs: null, best: 0, first: [], p50: [], qps: [] }]),
  )
  for (let round = 0; round < rounds; round += 1) {
    for (const { name, peer } of turns(entries, round)) {
      const own = found.get(name)
      const [ef] = settings(name, [100])
      const { first } = await peer.ask({ op: 'filter', ...filter, ef, turn: round })
      own.first.push(first)
      // The first round finds the settings around the recall, the others measure there.
      const efs = own.efs ?? settings(name, FILTER_EFS)
      const rows = await sweep(peer, { efs, queries, enough: own.efs ? 2 : RECALL, slow: SLOW })
      own.best = Math.max(own.best, ...rows.map(({ recall }) => recall))
      const near = around(rows, RECALL)
      own.efs ??= near.map(({ ef }) => ef)
      if (near.length === 0) continue
      own.p50.push(at(near, RECALL, 'p50'))
      const batched = await batches(peer, { rows: near, queries, threads: THREADS })
      own.qps.push(at(batched, RECALL, 'qps'))
    }
  }
  const base = found.get(BASE)
  return entries.map(({ name }, n) => {
    const { best, first, p50, qps } = found.get(name)
    return [
      n === 0 ? `${filter.below / 10} %, ${passing.toLocaleString('en')} rows` : '',
      name,
      median(p50) === null ? `${best.toFixed(3)} at most` : RECALL.toFixed(2),
      spread(p50, 1),
      ratio(p50, base?.p50 ?? []),
      spread(qps),
      ratio(qps, base?.qps ?? [], true),
      spread(first),
    ]
  })
}

const engines = (entries) => entries.map(({ name, about }) => `- ${name}: ${about}`).join('\n')

function head(rounds) {
  return `# Search with a filter beside other engines

${circumstances(rounds)}
A condition \`column < n\` lets 50, 10, 1 and 0.1 % of the rows pass; figures are those at recall@10 ${RECALL} among these rows, which lie
between the settings around it. Ratios are to faiss-hnsw, above 1 is faster. Ours, LanceDB, Qdrant and sqlite-vec are given the condition
with every query; ours keeps the rows that pass for later queries with the same condition. faiss is given a bitmap of them and hnswlib a
function of the program's language, once for all queries. What comes before is in the first query's time alone: from the condition, and
the column in memory for faiss and hnswlib, to the first answer. usearch has filters in C++ and Rust, but neither in its Python nor in its npm package; ScaNN and
rabitqlib have none in theirs. Batches take all cores, but for hnswlib (its documents want one thread where there is a filter), hnswlib-node and
sqlite-vec. faiss flat and sqlite-vec compare with every row that passes, and have no setting.`
}
