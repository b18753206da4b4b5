import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { availableParallelism, cpus } from 'node:os'
import { join } from 'node:path'
import { ROOT } from '../scripts/lib/files.mjs'
import { done, note } from '../scripts/lib/say.mjs'
import { CACHE, makeSet, Peer, prepare, options as read } from './lib/engines.mjs'
import { at, median, spread } from './lib/figures.mjs'

/** Approximate search beside other engines: each in a process of its own, in turns within each round, on the same rows and queries. */

const DOC = join(ROOT, 'docs/benchmarks/ann.md')
const SETS = ['synth100k', 'glove', 'mnist']
const PYTHON = ['hnswlib', 'faiss-hnsw', 'usearch-bf16', 'symqg', 'rabitq-hnsw', 'scann', 'scann-soar']
const RECALLS = [0.9, 0.95, 0.99]
const EFS = [
  10, 13, 16, 20, 24, 30, 36, 45, 54, 67, 80, 100, 120, 150, 180, 220, 270, 330, 400, 500, 640, 800, 1000,
]
/** ScaNN has two knobs; these pairs are leaves and reordered rows, in one number as its adapter takes them. */
const SCANN = [
  [5, 30],
  [8, 40],
  [12, 50],
  [18, 60],
  [27, 80],
  [40, 100],
  [60, 130],
  [90, 170],
  [130, 220],
  [200, 300],
  [300, 400],
  [450, 600],
].map(([leaves, reorder]) => leaves * 1000 + reorder)

export async function run({ rounds = 3 }) {
  const options = read(process.argv.slice(3), { sets: SETS, peers: PYTHON })
  const threads = availableParallelism()
  prepare(options.peers)
  const pages = []
  for (const name of options.sets) {
    const about = makeSet(name)
    pages.push(await compare(about, options, rounds, threads))
  }
  const text = pages.join('\n\n')
  console.log(`\n${text}`)
  if (options.write) {
    mkdirSync(join(ROOT, 'docs/benchmarks'), { recursive: true })
    writeFileSync(DOC, `${head(rounds, threads)}\n\n${text}\n`)
    done('write', 'docs/benchmarks/ann.md')
  }
}

async function compare(about, options, rounds, threads) {
  const peers = []
  for (const name of ['omendb', ...options.peers]) {
    const peer = new Peer(name)
    try {
      const opened = await peer.ask({ op: 'open', peer: name, set: about.folder })
      const built = await index(peer, about, options, threads)
      peers.push({ name, peer, about: opened.about, built, rounds: [], batches: [] })
      const what = built.seconds
        ? `${Math.round(about.rows / built.seconds).toLocaleString('en')} rows a second`
        : 'from the cache'
      done(name, `${about.name}: ${what}`)
    } catch (error) {
      peer.end()
      note(name, `left out: ${error.message}`)
    }
  }
  const efs = (name) => (name.startsWith('scann') ? SCANN : EFS)
  for (let round = 0; round < rounds; round += 1) {
    const order = round % 2 === 0 ? peers : [...peers].reverse()
    for (const entry of order) {
      const { queries } = options
      const rows = []
      // Settings beyond the highest recall that is asked for only cost time.
      for (const ef of efs(entry.name)) {
        const { rows: found } = await entry.peer.ask({ op: 'sweep', efs: [ef], queries })
        rows.push(...found)
        if (found[0].recall >= 0.993) break
      }
      entry.rounds.push(rows)
      const batched = []
      for (const ef of efs(entry.name)) {
        const known = rows.find((row) => row.ef === ef)
        if (known === undefined || known.recall < 0.88) continue
        const { rows: found } = await entry.peer.ask({ op: 'batch', efs: [ef], queries, threads })
        batched.push(...found)
      }
      entry.batches.push(batched)
      note(entry.name, `round ${round + 1} of ${rounds}`)
    }
  }
  for (const { peer } of peers) peer.end()
  return page(about, peers)
}

async function index(peer, about, options, threads) {
  const folder = join(CACHE, 'indexes', about.name)
  mkdirSync(folder, { recursive: true })
  const path = join(folder, peer.name)
  const known = join(folder, `${peer.name}.json`)
  if (!options.fresh && peer.name !== 'omendb' && existsSync(known)) {
    await peer.ask({ op: 'load', path, ef: peer.name.startsWith('scann') ? SCANN[0] : EFS[0] })
    return { ...JSON.parse(readFileSync(known, 'utf8')), cached: true }
  }
  const built = await peer.ask({ op: 'build', threads, save: path })
  writeFileSync(known, JSON.stringify(built))
  return built
}

function page(about, peers) {
  const lines = [
    `## ${about.name}: ${about.rows.toLocaleString('en')} x ${about.dim}, ${about.metric}, local intrinsic dimension ${about.lid}`,
    '',
    '| engine | rows/s, build | bytes a row, built | recall | p50 us, min / med / max | p99 us | ratio | batch, queries/s | ratio |',
    '| --- | --: | --: | --: | --: | --: | --: | --: | --: |',
  ]
  const base = peers.find(({ name }) => name === 'hnswlib')
  for (const entry of peers) {
    for (const [n, recall] of RECALLS.entries()) {
      const p50 = entry.rounds.map((rows) => at(rows, recall, 'p50'))
      const p99 = median(entry.rounds.map((rows) => at(rows, recall, 'p99')))
      const qps = entry.batches.map((rows) => at(rows, recall, 'qps'))
      const ratio = (own, other, up) => {
        const [a, b] = [median(own), median(other)]
        if (a === null || b === null) return ''
        return (up ? a / b : b / a).toFixed(2)
      }
      const other = base?.rounds.map((rows) => at(rows, recall, 'p50')) ?? []
      const otherQps = base?.batches.map((rows) => at(rows, recall, 'qps')) ?? []
      const cells = [
        n === 0 ? `${entry.name} (${entry.about})` : '',
        n === 0 && entry.built.seconds
          ? Math.round(about.rows / entry.built.seconds).toLocaleString('en')
          : '',
        n === 0 && entry.built.bytes ? Math.round(entry.built.bytes / about.rows).toLocaleString('en') : '',
        recall.toFixed(2),
        spread(p50, 1),
        p99 === null ? '' : p99.toFixed(0),
        ratio(p50, other, false),
        spread(qps),
        ratio(qps, otherQps, true),
      ]
      lines.push(`| ${cells.join(' | ')} |`)
    }
  }
  return lines.join('\n')
}

function head(rounds, threads) {
  const command = ['npm run bench --', ...process.argv.slice(2)].join(' ')
  return `# Approximate search beside other engines

\`${command}\`, ${new Date().toISOString().slice(0, 10)}, ${threads} cores of ${cpus()[0]?.model.trim()}, Node ${process.version}, ${rounds} rounds in turns.
One query is one call on one thread, in the engine's own language: ours from JavaScript, the others from Python. Batches and builds take all cores.
Ratios are to hnswlib, above 1 is faster. Figures at a recall (recall@10 against exact neighbours) lie between the settings around it.`
}
