#!/usr/bin/env node
import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { ROOT } from './lib/files.mjs'
import { main, StepFailed } from './lib/say.mjs'
import { setup } from './lib/setup.mjs'

const BENCH = join(ROOT, 'bench')
const parts = readdirSync(BENCH)
  .filter((name) => name.endsWith('.mjs'))
  .map((name) => name.replace('.mjs', ''))

const HELP = `npm run bench -- PART [options]

Parts: ${parts.join(', ')}
  main   the main job on the sample in the real app: start, import, search, map, memory
  ann    approximate search beside other engines: build, one query, batches, memory
  exact  exact search beside faiss flat, and the memory's bandwidth
  filter search among the rows that a condition lets pass, from half of them to one in a thousand
  build  how fast an index is built on all cores, and the memory that it takes
  grow   how the time of a query grows with the rows; also as a plot
  open   how long opening takes, first query included, and what stays in memory, also in the compact setting
  behind what a query takes while an index is built in the background
  ffi    what a call from JavaScript costs
  changes  recall and speed after 30 % of the rows were replaced and others deleted

All but main, changes and behind measure other engines too, which are installed into .cache/bench at first use, and take:
  --sets A,B    of glove, mnist, synth100k, synth1m, synth384, synth1536, synth10k, synth5m; not ffi
  --peers A,B   of hnswlib, faiss-hnsw, faiss-flat, usearch-bf16, symqg, rabitq-hnsw, scann, scann-soar, qdrant-edge (from
                Python), hnswlib-node, usearch-node, lancedb, lancedb-rq, sqlite-vec (from npm)
  --queries N   of each set; not build and ffi
  --fresh       builds the peers' indexes anew; ann, filter, grow and open, where they otherwise come from the cache
  --write       puts the tables into docs/benchmarks/PART.md

  --rounds N   how often each thing is measured; figures are min / median / max`

async function bench() {
  const [part] = process.argv.slice(2)
  if (part === undefined || !existsSync(join(BENCH, `${part}.mjs`))) {
    throw new StepFailed(
      'bench',
      part ? `There is no part "${part}".` : 'Which part?',
      `One of: ${parts.join(', ')}`,
    )
  }
  const dist = await setup()
  const { run } = await import(join(BENCH, `${part}.mjs`))
  const at = process.argv.indexOf('--rounds')
  await run({ dist, rounds: at > 0 ? Number(process.argv[at + 1]) : undefined })
}

if (process.argv.includes('--help')) console.log(HELP)
else await main(bench)
