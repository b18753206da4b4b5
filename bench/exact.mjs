import { mkdirSync, writeFileSync } from 'node:fs'
import { cpus } from 'node:os'
import { join } from 'node:path'
import { ROOT } from '../scripts/lib/files.mjs'
import { done, note } from '../scripts/lib/say.mjs'
import { makeSet, Peer, prepare, options as read } from './lib/engines.mjs'
import { median, spread } from './lib/figures.mjs'

/** Exact search, one query on one thread, beside faiss flat: ours over the vectors, and over the codes that an index has. */

const DOC = join(ROOT, 'docs/benchmarks/exact.md')

export async function run({ rounds = 3 }) {
  const options = read(process.argv.slice(3), {
    sets: ['synth100k', 'glove', 'mnist'],
    peers: ['faiss-flat'],
    queries: 100,
  })
  prepare(options.peers)
  const tables = []
  for (const name of options.sets) tables.push(await compare(makeSet(name), options, rounds))
  const text = `${head(rounds)}\n\n${tables.join('\n\n')}\n`
  console.log(`\n${text}`)
  if (!options.write) return
  mkdirSync(join(ROOT, 'docs/benchmarks'), { recursive: true })
  writeFileSync(DOC, text)
  done('write', 'docs/benchmarks/exact.md')
}

async function compare(about, options, rounds) {
  const engines = []
  const start = async (label, peer, order) => {
    const process = new Peer(peer)
    await process.ask({ op: 'open', peer, set: about.folder })
    await process.ask(order)
    engines.push({ label, process, p50: [], recall: [] })
  }
  await start('omendb, vectors', 'omendb', { op: 'rows' })
  await start('omendb, codes', 'omendb', { op: 'build' })
  for (const peer of options.peers) await start(peer, peer, { op: 'build', threads: 1 })
  const reads = []
  for (let round = 0; round < rounds; round += 1) {
    const last = engines.at(-1)
    reads.push((await last.process.ask({ op: 'bandwidth' })).bytes / 1e9)
    for (const engine of round % 2 === 0 ? engines : [...engines].reverse()) {
      const { p50, recall } = await engine.process.ask({ op: 'exact', queries: options.queries })
      engine.p50.push(p50)
      engine.recall.push(recall)
    }
    note(about.name, `round ${round + 1} of ${rounds}`)
  }
  for (const { process } of engines) process.end()
  const base = median(engines.find(({ label }) => label === 'faiss-flat')?.p50 ?? [null])
  const bytes = about.rows * about.dim * 4
  const lines = engines.map(({ label, p50, recall }) => {
    const ratio = base === null ? '' : (base / median(p50)).toFixed(2)
    const rate = (bytes / median(p50) / 1000).toFixed(1)
    return `| ${label} | ${spread(p50)} | ${ratio} | ${rate} | ${Math.min(...recall).toFixed(4)} |`
  })
  return `## ${about.name}: ${about.rows.toLocaleString('en')} x ${about.dim}, ${about.metric}

One thread reads ${spread(reads, 1)} GB a second from memory.

| engine | p50 us, min / med / max | ratio | GB of vectors a second | recall@10 |
| --- | --: | --: | --: | --: |
${lines.join('\n')}`
}

function head(rounds) {
  const command = ['npm run bench --', ...process.argv.slice(2)].join(' ')
  return `# Exact search beside faiss flat

\`${command}\`, ${new Date().toISOString().slice(0, 10)}, ${cpus()[0]?.model.trim()}, Node ${process.version}, ${rounds} rounds in turns. One query is one
call on one thread (ours takes all cores from 200,000 rows on). Ratios are to faiss flat, above 1 is faster. Over codes the vectors of those rows alone are read that may be among
the nearest; the answer is the same.`
}
