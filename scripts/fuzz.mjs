#!/usr/bin/env node
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { fingerprint, ROOT } from './lib/files.mjs'
import { run } from './lib/run.mjs'
import { done, main, StepFailed, seconds } from './lib/say.mjs'

const HELP = `node scripts/fuzz.mjs [TARGET ...] [--all] [--seconds N] [--seed S] [--jobs N] [--guided] [--write] [--json]

Feeds mutated files to the parsers. Without a TARGET: those whose sources changed since they last passed
(native/fuzz/fuzzed.json), 60 s each; the kept inputs of all others are fed once.
  --all         every target
  --seconds N   so long for each target (60)
  --seed S      another course (1)
  --jobs N      so many parsers at once (as many as there are cores)
  --guided      build with counters on every edge (takes minutes the first time) and follow them
  --write       note in native/fuzz/fuzzed.json what passed, and keep inputs that reached something new
  --json        the last line is an object: {figure, count, passed, failures}
Inputs that fail lie in native/fuzz/found.`

const NATIVE = join(ROOT, 'native')
const RECORD = join(NATIVE, 'fuzz/fuzzed.json')
const HOST = /^host: (.+)$/m

const store = (...names) => names.map((name) => `native/crates/store/src/${name}`)
const formats = (...names) =>
  ['reader', 'preview', 'plan', 'reject', 'sink', 'source', ...names].map(
    (name) => `native/crates/formats/src/${name}.rs`,
  )
const text = ['columns', 'infer', 'parse', 'text', 'window']

/** Target → the sources that it is there for. */
const SOURCES = {
  wal: store('wal', 'bytes.rs', 'ingest.rs'),
  manifest: store('manifest.rs', 'check.rs', 'meta.rs', 'history/mod.rs'),
  segment: store('segment', 'part.rs', 'maps.rs', 'numbers.rs', 'history/file.rs'),
  index: ['codec', 'exact', 'format', 'layout', 'meeting', 'search'].map(
    (name) => `native/crates/ivf/src/${name}.rs`,
  ),
  filter: ['native/crates/filter/src'],
  csv: formats('csv', 'split', ...text),
  jsonl: formats('jsonl', ...text),
  npy: formats('npy', 'matrix', 'dense'),
  parquet: formats(
    'parquet',
    'parquet_fields',
    'parquet_pages',
    'parquet_sample',
    'arrow_cells',
    'arrow_vectors',
  ),
  fvecs: formats('fvecs', 'matrix', 'dense'),
  sniff: formats('sniff'),
}

/** What makes rustc count edges; the program itself takes the counters (native/fuzz/src/coverage.rs). */
const COUNTERS = [
  '-Cpasses=sancov-module',
  '-Cllvm-args=-sanitizer-coverage-level=3',
  '-Cllvm-args=-sanitizer-coverage-inline-8bit-counters',
]

/** Options that are followed by a number. */
const NUMBERS = ['--seconds', '--seed', '--jobs']

function options() {
  const named = []
  const chosen = { seconds: 60, seed: 1, jobs: availableParallelism() }
  const rest = process.argv.slice(2)
  while (rest.length > 0) {
    const word = rest.shift()
    if (NUMBERS.includes(word)) chosen[word.slice(2)] = Number(rest.shift())
    else if (word.startsWith('--')) chosen[word.slice(2)] = true
    else named.push(word)
  }
  const unknown = named.filter((name) => !(name in SOURCES))
  const numbers = NUMBERS.map((word) => chosen[word.slice(2)])
  // Without a job nothing would be fed, and so nothing fail.
  if (unknown.length > 0 || numbers.some((n) => !Number.isInteger(n) || n < 0) || chosen.jobs < 1) {
    throw new StepFailed('fuzz', `This is not understood: ${process.argv.slice(2).join(' ')}`, HELP)
  }
  return { ...chosen, named }
}

async function cargo(args, env = {}) {
  const { code, out } = await run('cargo', args, { cwd: NATIVE, env })
  if (code !== 0) throw new StepFailed('fuzz build', 'cargo failed.', 'See above.', out)
  return out
}

/** Builds the program; the plain one as `npm test` does, so that nothing is compiled twice. */
async function build(guided) {
  const since = performance.now()
  const name = process.platform === 'win32' ? 'omendb-fuzz.exe' : 'omendb-fuzz'
  let folder = join(NATIVE, 'target/release')
  if (guided) {
    // With a target named, build scripts and macros are left alone.
    const host = HOST.exec((await run('rustc', ['-vV'])).out)?.[1]
    const target = join(NATIVE, 'target/guided')
    await cargo(
      ['build', '--release', '--locked', '-p', 'omendb-fuzz', '--target', host, '--target-dir', target],
      { RUSTFLAGS: COUNTERS.join(' ') },
    )
    folder = join(target, host, 'release')
  } else {
    await cargo(['test', '--release', '--workspace', '--locked', '--no-run'])
  }
  done('fuzz build', `in ${seconds(since)}`)
  return join(folder, name)
}

/** Feeds one parser; what its program said, and how many inputs that were. */
async function feed(program, name, course) {
  const { code, out } = await run(program, course === null ? ['corpus', name] : [name, ...course])
  const said = out.trim().replace(/^\S+\s+/, '')
  const inputs = Number(/(\d+) inputs/.exec(out)?.[1] ?? 0)
  if (code === 0) done(name, said)
  else console.log(`fail  ${name.padEnd(20)} ${said}`)
  return { inputs, failure: code === 0 ? null : `${name}: ${said}` }
}

async function fuzz() {
  const { named, all, seconds: time, seed, jobs, guided, write, json } = options()
  const record = existsSync(RECORD) ? JSON.parse(readFileSync(RECORD, 'utf8')) : {}
  const names = Object.keys(SOURCES)
  const now = Object.fromEntries(Object.entries(SOURCES).map(([name, paths]) => [name, fingerprint(paths)]))
  const changed = names.filter((name) =>
    named.length > 0 ? named.includes(name) : all || record[name] !== now[name],
  )
  const course = ['--seconds', String(time), '--seed', String(seed), ...(write ? ['--keep'] : [])]
  const program = await build(guided)
  const outcomes = []
  // The long ones first, so that no job is left alone at the end.
  const queue = [...changed, ...names.filter((name) => !changed.includes(name))]
  const job = async () => {
    for (let name = queue.shift(); name !== undefined; name = queue.shift()) {
      const outcome = await feed(program, name, changed.includes(name) ? course : null)
      outcomes.push(outcome)
      if (outcome.failure === null && changed.includes(name)) record[name] = now[name]
    }
  }
  await Promise.all(Array.from({ length: jobs }, job))
  if (write) {
    const known = names.filter((name) => name in record).map((name) => [name, record[name]])
    writeFileSync(RECORD, `${JSON.stringify(Object.fromEntries(known), null, 2)}\n`)
  }
  const failures = outcomes.flatMap(({ failure }) => failure ?? [])
  console.log(`${names.length - failures.length} passed, ${failures.length} failed`)
  if (json) {
    const count = outcomes.reduce((sum, { inputs }) => sum + inputs, 0)
    const led = guided ? 'led by the edges of the code' : 'led by outcomes'
    const figure = `inputs to ${changed.length} parsers, ${time} s each, ${led}; ${failures.length} parsers failed`
    console.log(JSON.stringify({ figure, count, passed: count - failures.length, failures }))
  }
  if (failures.length > 0) process.exitCode = 1
}

if (process.argv.includes('--help')) console.log(HELP)
else await main(fuzz)
