import { spawn, spawnSync } from 'node:child_process'
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

/** Maps beside other makers of them: with the neighbours given, and from the vectors alone. Each map is judged by the same judge. */

const HERE = join(ROOT, 'bench/umap')
const CLI = join(ROOT, 'scripts/omendb.mjs')
const OTHERS = 14
const EPOCHS = 200
/** Rows that a map is judged by. */
const SAMPLE = 5_000
/** Up to so many rows a maker is asked; beyond it would take many minutes a map. */
const MOST = { 'embedding-atlas': 100_000, 'umap-js': 20_000 }
const BASE = 'umap-learn'

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

/** Ours: the layout alone as a program, the whole as `omendb map` on a store with the rows and without an index. */
class Ours {
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
    this.#store ??= this.#import(about)
    const csv = join(this.scratch, 'map.csv')
    const args = ['map', '--store', this.#store, '--out', csv, '--epochs', String(EPOCHS), '--json']
    const { output, held } = await watched([CLI, ...args, '--seed', String(seed)])
    const said = JSON.parse(output)
    writeFileSync(out, coordinates(csv, about.rows))
    return { ...said, held }
  }

  #import({ metric, name }) {
    const store = join(this.scratch, `${name}.db`)
    const args = ['import', join(this.set, 'base.npy'), '--store', store, '--collection', 'rows']
    tool(process.execPath, [CLI, ...args, '--metric', metric, '--no-index', '--json'])
    return store
  }

  end() {
    if (this.#store) rmSync(this.#store, { recursive: true, force: true })
    return Promise.resolve()
  }
}

function tool(command, args) {
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
function coordinates(csv, rows) {
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

async function compare(about, { options, rounds, makers, judge, scratch }) {
  const folder = join(CACHE, 'maps', about.name)
  mkdirSync(folder, { recursive: true })
  const names = [
    OURS,
    ...options.peers.filter((name) => about.rows <= (MOST[name] ?? Number.POSITIVE_INFINITY)),
  ]
  await judge.ask({ op: 'open', set: about.folder })
  await neighbours(judge, folder, about)
  const engines = []
  for (const name of names) {
    const maker = makers[name]()
    await maker.ask({ op: 'open', set: about.folder })
    const { seconds } = await maker.ask({ op: 'warm' })
    if (seconds > 1) note(name, `compiled in ${Math.round(seconds)} s, outside of the figures`)
    engines.push({ name, maker, given: results(), whole: results() })
  }
  for (let round = 0; round < rounds; round += 1) {
    for (const engine of turns(engines, round)) {
      for (const how of ['given', 'whole']) {
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
    note(about.name, `round ${round + 1} of ${rounds}`)
  }
  for (const { maker } of engines) await maker.end()
  if (!names.includes(BASE)) await judge.end()
  return page(about, engines)
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
  const lines = engines.map(({ name, given, whole }) => [
    name,
    spread(given.seconds, 2),
    base ? ratio(given.seconds, base.given.seconds) : '',
    spread(whole.seconds, 2),
    base ? ratio(whole.seconds, base.whole.seconds) : '',
    spread(given.trust, 4),
    spread(given.continuity, 4),
    spread(whole.trust, 4),
    spread(whole.continuity, 4),
  ])
  const columns = ['maker', ':s, neighbours given', ':ratio', ':s, whole', ':ratio']
  columns.push(
    ':trustworthiness, given',
    ':continuity, given',
    ':trustworthiness, whole',
    ':continuity, whole',
  )
  const own = engines[0].whole
  const first = `The first picture came after ${spread(own.first, 2)} s; the process held ${Math.round(median(own.held) ?? 0).toLocaleString('en')} MiB of its own at most, files aside.`
  return `## ${title(about)}\n\n${table(columns, lines)}\n\n${first}`
}

function head(rounds) {
  return `# Maps beside other makers

${circumstances(rounds)} 15 neighbours (the row itself
counted, as in umap-learn), ${EPOCHS} epochs, min_dist 0.1 for all; everything else as each maker has it. Figures are min / median / max; ratios are to ${BASE}, above 1 is
faster. "Given": from the vectors and their exact neighbours. "Whole": from the vectors alone; ours from a store of rows without an index, so that the index is built within that time.
${BASE} takes all cores (without a seed) and was compiled before; ours takes all cores and gives the same map on any number of them. Trustworthiness and continuity after scikit-learn's
definition, k = 15, by ${SAMPLE.toLocaleString('en')} rows against all, with a seed each round.`
}
