#!/usr/bin/env node
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { ROOT } from './lib/files.mjs'
import { run } from './lib/run.mjs'
import { done, main, note, StepFailed, seconds } from './lib/say.mjs'
import { setup } from './lib/setup.mjs'

const HELP = `npm run torture -- [PART ...] [options]

Runs the suites that try to break the store: all parts, or those named.
  list           what parts there are
  --minutes N    how long altogether; the parts share it
  --count N      trials of each part; without both, each part has a count of its own
                 (fuzz goes by time: without --minutes, 20 minutes for each parser)
  --seed S       of the first trial (1 unless said)
  --write        puts the rows of these parts into the table of docs/TORTURE.md

Exit status 1 when a trial did not hold; its line says how to run it again.`

const NATIVE = join(ROOT, 'native')
const BINARY = join(NATIVE, 'target/release', process.platform === 'win32' ? 'torture.exe' : 'torture')
/** A workspace of its own, so that its build of the store never becomes the one that ships. */
const SCHEDULE_FOLDER = join(NATIVE, 'schedule')
const DOC = join(ROOT, 'docs/TORTURE.md')
const BEGIN = '<!-- torture: begin -->'
const END = '<!-- torture: end -->'

/** The one part that is not in the binary: it needs the addon and the built package. */
const ADDON = {
  name: 'full-disk-addon',
  about: 'as full-disk, under the real addon and the built package',
  count: 2_000,
}

/** Also apart: its store is built with the threads of the explorer. */
const SCHEDULE = {
  name: 'schedule',
  about: 'writer, readers, compactor, copy and indexer under the schedules of an explorer',
  count: 1_000_000,
}

/** In a script of its own, which npm test calls too. */
const FUZZ = {
  name: 'fuzz',
  about: 'every parser fed with mutated files, led by the edges of the code that they reach',
  seconds: 1_200,
}
const PARSERS = 11

async function torture() {
  const options = read(process.argv.slice(2))
  await build()
  const commit = await built()
  const parts = [...(await listed()), SCHEDULE, ADDON, FUZZ]
  if (options.parts.includes('list')) {
    for (const { name, about } of parts) console.log(`${name.padEnd(16)} ${about}`)
    return
  }
  const unknown = options.parts.filter((name) => !parts.some((part) => part.name === name))
  if (unknown.length > 0) {
    throw new StepFailed(
      'parts',
      `There is no part called ${unknown.join(', ')}.`,
      `One of: ${parts.map(({ name }) => name).join(', ')}`,
    )
  }
  const chosen = options.parts.length > 0 ? parts.filter(({ name }) => options.parts.includes(name)) : parts
  if (chosen.includes(ADDON)) await setup()
  if (chosen.includes(SCHEDULE)) await buildSchedule()
  const lines = []
  const until = performance.now() + (options.minutes ?? 0) * 60_000
  for (const [n, part] of chosen.entries()) {
    // What a part leaves of its share goes to the ones after it.
    const share = Math.max(0, until - performance.now()) / (chosen.length - n)
    const budget = options.minutes === undefined ? {} : { seconds: share / 1000 }
    lines.push(await play(part, { ...options, ...budget }))
  }
  const rows = rowsOf(lines, commit)
  console.log(
    `\n${table(rows)}\n\nkill -9 leaves the page cache: it does not test power loss. The part "power" does.`,
  )
  if (options.write)
    write(
      rows,
      parts.map(({ name }) => name),
    )
}

function read(args) {
  const options = { parts: [], seed: 1, count: undefined, minutes: undefined, write: false }
  for (let at = 0; at < args.length; at += 1) {
    const word = args[at]
    if (word === '--write') options.write = true
    else if (['--seed', '--count', '--minutes'].includes(word)) {
      at += 1
      const value = Number(args[at])
      if (!(value >= 0))
        throw new StepFailed('options', `${word} needs a number.`, 'See npm run torture -- --help.')
      options[word.slice(2)] = value
    } else if (word.startsWith('-')) {
      throw new StepFailed('options', `There is no option ${word}.`, 'See npm run torture -- --help.')
    } else options.parts.push(word)
  }
  return options
}

async function build() {
  const since = performance.now()
  const { code, out } = await run(
    'cargo',
    ['build', '--release', '--locked', '-p', 'omendb-torture', '--bin', 'torture'],
    { cwd: NATIVE },
  )
  if (code !== 0) throw new StepFailed('build', 'The Rust build failed.', 'See the message above.', out)
  done('build', `the command, in ${seconds(since)}`)
}

async function buildSchedule() {
  const since = performance.now()
  const args = ['build', '--release', '--locked', '--bin', 'schedule']
  const { code, out } = await run('cargo', args, { cwd: SCHEDULE_FOLDER })
  if (code !== 0)
    throw new StepFailed('build', 'The build of the explorer failed.', 'See the message above.', out)
  done('build', `the explorer, in ${seconds(since)}`)
}

async function listed() {
  const { out } = await run(BINARY, ['list'])
  return out
    .trim()
    .split('\n')
    .map((line) => {
      const [, name, about] = /^(\S+)\s+(.*)$/.exec(line) ?? []
      return { name, about }
    })
}

async function play(part, { seed, count, seconds: time }) {
  const since = performance.now()
  const start = { [ADDON.name]: addon, [SCHEDULE.name]: schedule, [FUZZ.name]: fuzz }[part.name]
  const { out } = await (start?.(seed, count, time) ?? binary(part, seed, count, time))
  const took = (performance.now() - since) / 1000
  const outcome = parse(out)
  if (outcome === null) {
    console.log(out.trimEnd().split('\n').slice(-40).join('\n'))
    console.log(`fail  ${part.name.padEnd(20)} it ended without an answer`)
    process.exitCode = 1
    return { part: part.name, figure: 'it ended without an answer', count: 0, seed, passed: 0, took }
  }
  for (const failure of outcome.failures) console.log(failure)
  if (outcome.skipped) note(part.name, `skipped: ${outcome.skipped}`)
  if (outcome.failures.length > 0) {
    process.exitCode = 1
    console.log(`fail  ${part.name.padEnd(20)} ${outcome.failures.length} of ${outcome.count} did not hold`)
  } else if (outcome.count > 0) {
    done(part.name, `${outcome.passed} held in ${took.toFixed(1)} s`)
  }
  const figure = outcome.skipped ? `${outcome.figure} (skipped: ${outcome.skipped})`.trim() : outcome.figure
  return { part: part.name, figure, count: outcome.count, seed, passed: outcome.passed, took }
}

function binary(part, seed, count, time) {
  const budget =
    time === undefined ? (count === undefined ? [] : ['--count', count]) : ['--minutes', time / 60]
  return run(BINARY, [part.name, '--json', '--seed', seed, ...budget].map(String))
}

function addon(seed, count, time) {
  const script = join(ROOT, 'scripts/lib/full-disk.mjs')
  const most = count ?? (time === undefined ? ADDON.count : Number.MAX_SAFE_INTEGER)
  return run(process.execPath, [script, seed, most, time ?? 0].map(String))
}

function schedule(seed, count, time) {
  const path = join(NATIVE, 'target/release', process.platform === 'win32' ? 'schedule.exe' : 'schedule')
  const budget = time === undefined ? ['--count', count ?? SCHEDULE.count] : ['--minutes', time / 60]
  return run(path, ['--seed', seed, ...budget].map(String))
}

function fuzz(seed, _count, time) {
  const script = join(ROOT, 'scripts/fuzz.mjs')
  const each = time === undefined ? FUZZ.seconds : (time * availableParallelism()) / PARSERS
  const seconds = String(Math.max(1, Math.floor(each)))
  return run(
    process.execPath,
    [script, '--all', '--guided', '--json', '--seconds', seconds, '--seed', String(seed)],
    {
      live: true,
    },
  )
}

/** The last line that is a JSON object. */
function parse(out) {
  for (const line of out.trim().split('\n').reverse()) {
    try {
      const value = JSON.parse(line)
      if (Array.isArray(value.failures)) return value
    } catch {}
  }
  return null
}

const HEAD = [
  '| part | figure | count | seed | passed | seconds | date | commit |',
  '| --- | --- | --: | --: | --: | --: | --- | --- |',
]

function table(rows) {
  return [...HEAD, ...rows].join('\n')
}

/** What is run: the commit that was just built. */
async function built() {
  const { out } = await run('git', ['rev-parse', '--short', 'HEAD'])
  const changed =
    (await run('git', ['status', '--porcelain', '--untracked-files=no', '--', ':!docs'])).out.trim() !== ''
  return `${out.trim()}${changed ? ' with changes' : ''}`
}

function rowsOf(lines, commit) {
  const date = new Date().toISOString().slice(0, 10)
  return lines.map(({ part, figure, count, seed, passed, took }) => {
    const cells = [
      part,
      figure,
      count.toLocaleString('en'),
      seed,
      passed.toLocaleString('en'),
      took.toFixed(1),
      date,
      commit,
    ]
    return `| ${cells.join(' | ')} |`
  })
}

/** The rows of parts that did not run now stay as they are. */
function write(rows, order) {
  const text = existsSync(DOC) ? readFileSync(DOC, 'utf8') : ''
  const [from, to] = [text.indexOf(BEGIN), text.indexOf(END)]
  if (from < 0 || to < from) {
    throw new StepFailed(
      'write',
      `docs/TORTURE.md has no place for the table.`,
      `It stands between ${BEGIN} and ${END}.`,
    )
  }
  const name = (row) => row.split('|')[1].trim()
  const before = text
    .slice(from, to)
    .split('\n')
    .filter((line) => order.includes(line.split('|')[1]?.trim()))
  const kept = before.filter((row) => !rows.some((other) => name(other) === name(row)))
  const all = [...kept, ...rows].sort((a, b) => order.indexOf(name(a)) - order.indexOf(name(b)))
  writeFileSync(DOC, `${text.slice(0, from + BEGIN.length)}\n${table(all)}\n${text.slice(to)}`)
  done('write', 'docs/TORTURE.md')
}

if (process.argv.includes('--help')) console.log(HELP)
else await main(torture)
