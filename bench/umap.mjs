import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ROOT } from '../scripts/lib/files.mjs'
import { note, StepFailed } from '../scripts/lib/say.mjs'
import { median, spread } from './lib/figures.mjs'
import { MAPS, options as read } from './lib/options.mjs'
import { circumstances, publish, ratio, table, title } from './lib/pages.mjs'
import { OURS, Peer } from './lib/peer.mjs'
import { CACHE, makeSet, packages, prepare, python } from './lib/prepare.mjs'
import { turns } from './lib/sweeps.mjs'
import { EPOCHS, Ours } from './umap/ours.mjs'
import { comparePlaced } from './umap/placed.mjs'

/** Maps beside other makers of them: with the neighbours given, and from the vectors alone. Each map is judged by the same judge. */

const HERE = join(ROOT, 'bench/umap')
/** Rows that a map is judged by. */
const SAMPLE = 5_000
/** Up to so many rows a maker is asked; beyond it would take many minutes a map. */
const MOST = { 'umap-learn': 500_000, 'embedding-atlas': 100_000, 'umap-js': 20_000 }
/** Makers that take part in the first round alone: they take minutes, and are far behind. */
const ONCE = ['embedding-atlas', 'umap-js']
/** Sets of more rows than this have so many rounds at most. */
const LARGE = 100_000
const LARGE_ROUNDS = 2
const BASE = 'umap-learn'
/** Up to so many rows it is also looked at what becomes of rows that come later. */
const PLACED_MOST = 100_000
/** Up to so many rows their exact neighbours are found beforehand; of a million that takes half an hour. */
const GIVEN_MOST = 500_000

export async function run({ rounds = 5 }) {
  const options = read(process.argv.slice(3), {
    sets: ['glove10k', 'mnist'],
    peers: MAPS,
    known: MAPS,
  })
  prepare([])
  const binary = python('map makers, Python', join(HERE, 'requirements.txt'), 'umap-venv')
  const modules = packages('map makers, npm', join(HERE, 'npm/package.json'), 'umap-npm', [
    // What embedding-atlas wants beside itself is for its views.
    '--legacy-peer-deps',
  ])
  const layout = example()
  const scratch = mkdtempSync(join(tmpdir(), 'omendb-umap-'))
  try {
    const pages = [head(rounds)]
    for (const name of options.sets) {
      const judge = new Peer(BASE, [binary, join(HERE, 'learn.py')])
      const makers = {
        [OURS]: () => new Ours(layout, scratch),
        [BASE]: () => judge,
        'embedding-atlas': () => new Peer('embedding-atlas', npm('embedding-atlas', modules)),
        'umap-js': () => new Peer('umap-js', npm('umap-js', modules)),
      }
      pages.push(await compare(makeSet(name), { options, rounds, makers, judge, scratch }))
    }
    publish('umap', pages.join('\n\n'), options.write)
  } finally {
    rmSync(scratch, { recursive: true, force: true })
  }
}

const npm = (name, modules) => [process.execPath, join(HERE, 'npm.mjs'), name, modules]

/** The program that lays out a graph from files. */
function example() {
  const args = ['build', '--release', '--locked', '-p', 'omendb-projection', '--example', 'layout']
  const { status, stderr } = spawnSync('cargo', args, { cwd: join(ROOT, 'native'), encoding: 'utf8' })
  if (status !== 0) throw new StepFailed('umap', 'The layout did not build.', 'See above.', stderr)
  return join(ROOT, 'native/target/release/examples/layout')
}

async function compare(about, { options, rounds, makers, judge, scratch }) {
  const folder = join(CACHE, 'maps', about.name)
  mkdirSync(folder, { recursive: true })
  const names = [
    OURS,
    ...options.peers.filter((name) => about.rows <= (MOST[name] ?? Number.POSITIVE_INFINITY)),
  ]
  await judge.ask({ op: 'open', set: about.folder })
  const ways = about.rows <= GIVEN_MOST ? ['given', 'whole'] : ['whole']
  if (ways.includes('given')) await neighbours(judge, folder, about)
  const engines = []
  for (const name of names) {
    const maker = makers[name]()
    await maker.ask({ op: 'open', set: about.folder })
    const { seconds } = await maker.ask({ op: 'warm' })
    if (seconds > 1) note(name, `compiled in ${Math.round(seconds)} s, outside of the figures`)
    engines.push({ name, maker, given: results(), whole: results() })
  }
  const count = about.rows > LARGE ? Math.min(rounds, LARGE_ROUNDS) : rounds
  for (let round = 0; round < count; round += 1) {
    for (const engine of turns(engines, round)) {
      if (round > 0 && ONCE.includes(engine.name)) continue
      for (const how of ways) {
        const out = join(scratch, 'map.f32')
        const order = { op: 'fit', folder, given: how === 'given', out }
        if (engine.name === OURS) order.seed = round + 1
        const made = await engine.maker.ask(order)
        const judged = await judge.ask({ op: 'score', path: out, sample: SAMPLE })
        const figures = engine[how]
        figures.seconds.push(made.seconds)
        figures.trust.push(judged.trustworthiness)
        figures.continuity.push(judged.continuity)
        if (made.first) figures.first.push(made.first)
        if (made.held) figures.held.push(made.held / 2 ** 20)
      }
    }
    note(about.name, `round ${round + 1} of ${count}`)
  }
  const placed = names.includes(BASE) && about.rows <= PLACED_MOST
  const later = placed
    ? await comparePlaced(about, { judge, rounds, sample: SAMPLE, epochs: EPOCHS, scratch })
    : ''
  for (const { maker } of engines) await maker.end()
  if (!names.includes(BASE)) await judge.end()
  return [page(about, engines), later].filter(Boolean).join('\n\n')
}

const results = () => ({ seconds: [], trust: [], continuity: [], first: [], held: [] })

async function neighbours(judge, folder, about) {
  const mark = join(folder, 'neighbours.json')
  try {
    if (JSON.parse(readFileSync(mark, 'utf8')).rows === about.rows) return
  } catch {
    // Not made yet.
  }
  await judge.ask({ op: 'neighbours', folder })
  writeFileSync(mark, JSON.stringify({ rows: about.rows }))
}

function page(about, engines) {
  const base = engines.find(({ name }) => name === BASE)
  const ways = ['given', 'whole'].filter((how) => engines.some((engine) => engine[how].seconds.length > 0))
  const named = { given: 'neighbours given', whole: 'whole' }
  const lines = engines.map((engine) => [
    engine.name,
    ...ways.flatMap((how) => [
      spread(engine[how].seconds, 2),
      base ? ratio(engine[how].seconds, base[how].seconds) : '',
    ]),
    ...ways.flatMap((how) => [spread(engine[how].trust, 4), spread(engine[how].continuity, 4)]),
  ])
  const columns = [
    'maker',
    ...ways.flatMap((how) => [`:s, ${named[how]}`, ':ratio']),
    ...ways.flatMap((how) => [`:trustworthiness, ${how}`, `:continuity, ${how}`]),
  ]
  const own = engines[0].whole
  const first = `The first picture came after ${spread(own.first, 2)} s; the process held ${Math.round(median(own.held) ?? 0).toLocaleString('en')} MiB of its own at most, files aside.`
  return `## ${title(about)}\n\n${table(columns, lines)}\n\n${first}`
}

function head(rounds) {
  return `# Maps beside other makers

${circumstances(rounds)} 15 neighbours (the row itself
counted, as in umap-learn), ${EPOCHS} epochs, min_dist 0.1 for all; everything else as each maker has it. Figures are min / median / max; ratios are to ${BASE}, above 1 is
faster. "Given": from the vectors and their exact neighbours. "Whole": from the vectors alone; ours from a store of rows without an index, so that the index is built within that time.
Sets of more than ${LARGE.toLocaleString('en')} rows have ${LARGE_ROUNDS} rounds, ${ONCE.join(' and ')} one.
${BASE} takes all cores (without a seed) and was compiled before; ours takes all cores and gives the same map on any number of them. Trustworthiness and continuity after scikit-learn's
definition, k = 15, by ${SAMPLE.toLocaleString('en')} rows against all, with a seed each round.`
}
