#!/usr/bin/env node
import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { ROOT } from './files.mjs'

/**
 * A full disk under the real addon: node scripts/lib/full-disk.mjs [SEED] [COUNT] [SECONDS]
 *
 * Each trial writes until its disk is full: rows through the package, or files through the addon's import. The disk is a
 * small tmpfs in a mount namespace. Where none can be mounted, files may not grow past a length instead (ulimit -f): the
 * same paths, another error of the system. Prints {count, passed, figure, failures, skipped} as JSON.
 */

const SELF = fileURLToPath(import.meta.url)
const DIMENSION = 8
const ROWS_OF_FILE = 1_000
const SMALLEST = 64 << 10
const DOUBLINGS = 6
/** A disk that takes more calls than this is not full for some other reason. */
const CALLS = 20_000

const { open } = await import(pathToFileURL(join(ROOT, 'out/node/index.js')).href)
const addon = createRequire(import.meta.url)(join(ROOT, 'native/napi/omendb.node'))
const scratch = mkdtempSync(join(tmpdir(), 'omendb full disk '))
let file = join(scratch, 'rows.fvecs')

const [mode, ...rest] = process.argv.slice(2)
try {
  if (mode === '--inside') print(await trials(rest.map(Number), onTmpfs))
  else if (mode === '--limited') {
    file = rest[2]
    print(await fill(rest[0], Number(rest[1])))
  } else await outside([mode, ...rest].map((text) => (text === undefined ? undefined : Number(text))))
} finally {
  rmSync(scratch, { recursive: true, force: true })
}

function print(value) {
  process.stdout.write(`${JSON.stringify(value)}\n`)
}

async function outside([seed = 1, count = 20, seconds = 0]) {
  const numbers = [seed, count, seconds]
  // Root needs no user namespace, and some systems forbid that to everybody.
  const flags = ['-m', '-Urm'].find((flag) => spawnSync('unshare', [flag, 'true']).status === 0)
  if (flags) {
    const args = [flags, process.execPath, SELF, '--inside', ...numbers.map(String)]
    const { status } = spawnSync('unshare', args, { stdio: 'inherit' })
    process.exitCode = status ?? 1
    return
  }
  if (process.platform === 'win32') {
    const skipped = 'neither unshare nor ulimit is there, so no disk can be made full'
    print({ count: 0, passed: 0, figure: '', failures: [], skipped })
    return
  }
  const outcome = await trials(numbers, underLimit)
  print({ ...outcome, skipped: 'unshare -m and unshare -Urm are refused here: ulimit -f was used instead' })
}

async function trials([seed, count, seconds], trial) {
  writeFileSync(file, fvecs(ROWS_OF_FILE))
  const until = seconds > 0 ? performance.now() + seconds * 1000 : Number.POSITIVE_INFINITY
  const failures = []
  const sizes = []
  const codes = {}
  let indexes = 0
  let tried = 0
  for (; tried < count && performance.now() < until; tried += 1) {
    const own = seed + tried
    try {
      const { size, code, taken } = await trial(own)
      sizes.push(size)
      if (taken) indexes += 1
      codes[code] = (codes[code] ?? 0) + 1
    } catch (error) {
      failures.push(
        `full-disk-addon: seed ${own}: ${error.message}\n  again: npm run torture -- full-disk-addon --seed ${own} --count 1`,
      )
    }
  }
  const told = Object.entries(codes).map(([code, n]) => `${code} ${n}`)
  const figure = `disks of ${Math.min(...sizes) >> 10} to ${Math.max(...sizes) >> 10} KiB; the first error was ${told.join(', ')}; ${indexes} times an index took the room that was made`
  return { count: tried, passed: tried - failures.length, figure, failures, skipped: null }
}

async function onTmpfs(seed) {
  const random = lcg(seed)
  const doubled = SMALLEST << Math.floor(random() * DOUBLINGS)
  const size = (doubled + Math.floor(random() * doubled)) & ~4095
  const disk = join(scratch, `disk ${seed}`)
  mkdirSync(disk, { recursive: true })
  const mounted = spawnSync('mount', ['-t', 'tmpfs', '-o', `size=${size}`, 'none', disk], {
    encoding: 'utf8',
  })
  if (mounted.status !== 0) throw new Error(`mount: ${mounted.stderr}`)
  try {
    const ballast = join(disk, 'ballast')
    // Enough for a new log and a manifest, whatever the disk's size.
    writeFileSync(ballast, Buffer.alloc(Math.max(size / 4, 32 << 10), 1))
    const path = join(disk, 'x.db')
    const filled = await fill(path, seed)
    // STORE_POISONED comes first when it was the indexer that found the disk full.
    must(
      ['DISK_FULL', 'STORE_POISONED'].includes(filled.code),
      `the error is ${filled.code}: ${filled.message}`,
    )
    must(/disk is full/.test(filled.message), filled.message)
    must(
      filled.operation !== 'write' || filled.needed > 0,
      `it does not say what it needs: ${filled.message}`,
    )
    must([null, 'STORE_POISONED'].includes(filled.again), `a later write gave ${filled.again}`)
    rmSync(ballast)
    const taken = await check(path, filled)
    if (taken !== null) {
      // An index took the room first, and may have given it back since: more room must do.
      spawnSync('mount', ['-o', `remount,size=${size * 8}`, disk])
      const still = await check(path, taken)
      must(still === null, `the disk is eight times as large, and still full: ${still?.message}`)
    }
    return { size, code: filled.code, taken: taken !== null }
  } finally {
    // Lazily, should a trial that failed still hold a file of it.
    spawnSync('umount', ['-l', disk])
  }
}

async function underLimit(seed) {
  const size = 1024 * (16 + Math.floor(lcg(seed)() * 400))
  const folder = mkdtempSync(join(scratch, 'limit '))
  const path = join(folder, 'x.db')
  const shell = `trap '' XFSZ; ulimit -f ${size >> 10}; exec "$@"`
  const args = ['-c', shell, 'bash', process.execPath, SELF, '--limited', path, String(seed), file]
  const { stdout, stderr } = spawnSync('bash', args, { encoding: 'utf8' })
  must(stdout !== '', stderr)
  const filled = JSON.parse(stdout)
  must(['IO', 'DISK_FULL'].includes(filled.code), `the error is ${filled.code}: ${filled.message}`)
  must([null, 'STORE_POISONED'].includes(filled.again), `a later write gave ${filled.again}`)
  await check(path, filled)
  return { size, code: filled.code }
}

/** Writes until it fails. Says which rows were acknowledged, which were in flight, and with what it failed. */
async function fill(path, seed) {
  const acknowledged = {}
  let inFlight = null
  let again = null
  try {
    const call = seed % 2 === 0 ? await importer(path) : await adder(path, lcg(seed))
    try {
      for (let n = 0; n < CALLS; n += 1) {
        await call.write(n, (name, rows) => {
          inFlight = { name, rows }
        })
        acknowledged[inFlight.name] = (acknowledged[inFlight.name] ?? 0) + inFlight.rows
        inFlight = null
      }
    } catch (error) {
      again = await call
        .write(CALLS, () => {})
        .then(
          () => 'no error',
          (later) => facts(later).code,
        )
      throw error
    } finally {
      await call.close()
    }
  } catch (error) {
    const { code, message, detail } = facts(error)
    return { acknowledged, inFlight, again, code, message, ...detail }
  }
  throw new Error(`${CALLS} calls did not fill the disk`)
}

/** Rows through the package. */
async function adder(path, random) {
  const db = await open(path)
  const rows = db.collection('rows', { dimension: DIMENSION, metric: 'l2', id: 'int' })
  let first = 0
  return {
    async write(_, begin) {
      const count = 1 + Math.floor(random() * 300)
      begin('rows', count)
      await rows.add(Array.from({ length: count }, (_, i) => ({ id: first + i, vector: vector(first + i) })))
      first += count
    },
    close: () => db.close(),
  }
}

/** Files through the addon's import, each into a collection of its own. */
async function importer(path) {
  const store = await addon.openStore(path, { create: true })
  return {
    async write(n, begin) {
      const collection = `file-${n}`
      begin(collection, ROWS_OF_FILE)
      const plan = { vector: 'vector', id: null, metric: 'l2', columns: [], onError: 'stop' }
      await store.import(new addon.Job(() => {}), JSON.stringify({ path: file, collection, ...plan }))
    },
    close: () => store.close(),
  }
}

/**
 * With room again: everything acknowledged is there, what was in flight is there whole or not at all, and writing goes on: then null. If the disk
 * is full once more, what is acknowledged and in flight now.
 */
async function check(path, { acknowledged, inFlight }) {
  const db = await open(path)
  try {
    return await checkOpen(db, path, { acknowledged, inFlight })
  } finally {
    await db.close().catch(() => undefined)
  }
}

async function checkOpen(db, path, { acknowledged, inFlight }) {
  const found = new Map((await db.collections()).map(({ name, rows }) => [name, rows]))
  for (const [name, rows] of Object.entries(acknowledged)) {
    const whole = inFlight?.name === name ? [rows, rows + inFlight.rows] : [rows]
    must(
      whole.includes(found.get(name)),
      `${name} has ${found.get(name)} rows instead of ${whole.join(' or ')}`,
    )
  }
  for (const [name, rows] of found) {
    if (name in acknowledged) continue
    must(name === inFlight?.name && [0, inFlight.rows].includes(rows), `${name} with ${rows} rows is extra`)
  }
  const rows = db.collection('rows', { dimension: DIMENSION, metric: 'l2', id: 'int' })
  const last = acknowledged.rows ?? 0
  for (let id = 0; id < last; id += Math.max(1, last >> 6)) {
    const row = await rows.get(id)
    must(row && vector(id).every((x, i) => x === row.vector[i]), `row ${id} is not what was added`)
  }
  try {
    await rows.add([{ id: 1_000_000, vector: vector(3) }])
  } catch (error) {
    const { code, message, detail } = facts(error)
    must(code === 'DISK_FULL', `${code}: ${message}`)
    return {
      acknowledged: Object.fromEntries(found),
      inFlight: { name: 'rows', rows: 1 },
      message,
      ...detail,
    }
  }
  must((await rows.get(1_000_000)) !== null, 'a row added with room again is not there')
  await closed(db)
  const store = await addon.openStore(path, {})
  const { problems } = JSON.parse(await store.verify())
  const { collections } = JSON.parse(store.info())
  await closed(store)
  must(problems.length === 0, `verify: ${JSON.stringify(problems)}`)
  const now = collections.find(({ name }) => name === 'rows')?.rows
  const whole = (found.get('rows') ?? 0) + 1
  must(now === whole, `${now} rows after closing and opening, instead of ${whole}`)
  return null
}

/** Closing seals a long log, for which the room that there is now may be too little; the rows stay in the log then. */
async function closed(store) {
  try {
    await store.close()
  } catch (error) {
    must(facts(error).code === 'DISK_FULL', `closing: ${error.message}`)
  }
}

/** An error of the package, or one of the addon, whose message is JSON. */
function facts(error) {
  if (error.code && error.detail) return error
  try {
    return JSON.parse(error.message)
  } catch {
    throw error
  }
}

function must(holds, message) {
  if (!holds) throw new Error(message)
}

function vector(row) {
  return Float32Array.from({ length: DIMENSION }, (_, i) => (row * 31 + i * 7) % 1009)
}

function fvecs(rows) {
  const bytes = Buffer.alloc(rows * (DIMENSION + 1) * 4)
  let at = 0
  for (let row = 0; row < rows; row += 1) {
    at = bytes.writeInt32LE(DIMENSION, at)
    for (const x of vector(row)) at = bytes.writeFloatLE(x, at)
  }
  return bytes
}

function lcg(start) {
  let state = start >>> 0
  const next = () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return state / 2 ** 32
  }
  // The first numbers of neighbouring seeds lie close together.
  for (let n = 0; n < 8; n += 1) next()
  return next
}
