#!/usr/bin/env node
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fingerprint, ROOT } from './lib/files.mjs'
import { run } from './lib/run.mjs'
import { done, main, StepFailed, seconds } from './lib/say.mjs'

const HELP = `node scripts/fuzz.mjs [TARGET ...] [--all] [--seconds N] [--seed S] [--guided] [--write]

Feeds mutated files to the parsers. Without a TARGET: those whose sources changed since they last passed
(native/fuzz/fuzzed.json), 60 s each; the kept inputs of all others are fed once.
  --all         every target
  --seconds N   so long for each target (60)
  --seed S      another course (1)
  --guided      build with counters on every edge (takes minutes the first time) and follow them
  --write       note in native/fuzz/fuzzed.json what passed, and keep inputs that reached something new
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
  links: ['native/crates/hnsw/src/format.rs', 'native/crates/hnsw/src/search.rs'],
  filter: ['native/crates/filter/src'],
  csv: formats('csv', 'split', ...text),
  jsonl: formats('jsonl', ...text),
  npy: formats('npy', 'matrix', 'dense'),
  parquet: formats('parquet', 'parquet_sample', 'arrow_cells', 'arrow_vectors'),
  fvecs: formats('fvecs', 'matrix', 'dense'),
  sniff: formats('sniff'),
}

/** What makes rustc count edges; the program itself takes the counters (native/fuzz/src/coverage.rs). */
const COUNTERS = [
  '-Cpasses=sancov-module',
  '-Cllvm-args=-sanitizer-coverage-level=3',
  '-Cllvm-args=-sanitizer-coverage-inline-8bit-counters',
]

function options() {
  const named = []
  const chosen = { seconds: 60, seed: 1 }
  const rest = process.argv.slice(2)
  while (rest.length > 0) {
    const word = rest.shift()
    if (word === '--seconds' || word === '--seed') chosen[word.slice(2)] = Number(rest.shift())
    else if (word.startsWith('--')) chosen[word.slice(2)] = true
    else named.push(word)
  }
  const unknown = named.filter((name) => !(name in SOURCES))
  if (unknown.length > 0 || !Number.isInteger(chosen.seconds) || !Number.isInteger(chosen.seed)) {
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

async function fuzz() {
  const { named, all, seconds: time, seed, guided, write } = options()
  const record = existsSync(RECORD) ? JSON.parse(readFileSync(RECORD, 'utf8')) : {}
  const now = Object.fromEntries(Object.entries(SOURCES).map(([name, paths]) => [name, fingerprint(paths)]))
  const changed = Object.keys(SOURCES).filter((name) =>
    named.length > 0 ? named.includes(name) : all || record[name] !== now[name],
  )
  const program = await build(guided)
  let failed = 0
  for (const name of Object.keys(SOURCES)) {
    const course = ['--seconds', String(time), '--seed', String(seed), ...(write ? ['--keep'] : [])]
    const args = changed.includes(name) ? [name, ...course] : ['corpus', name]
    const { code, out } = await run(program, args)
    const said = out.trim().replace(/^\S+\s+/, '')
    if (code === 0) {
      done(name, said)
      if (changed.includes(name)) record[name] = now[name]
    } else {
      failed += 1
      console.log(`fail  ${name.padEnd(20)} ${said}`)
    }
  }
  if (write) writeFileSync(RECORD, `${JSON.stringify(record, null, 2)}\n`)
  console.log(`${Object.keys(SOURCES).length - failed} passed, ${failed} failed`)
  if (failed > 0) process.exitCode = 1
}

if (process.argv.includes('--help')) console.log(HELP)
else await main(fuzz)
