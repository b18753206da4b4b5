import { execFileSync, spawn } from 'node:child_process'
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

/**
 * A real process, killed with SIGKILL while it imports. The page cache survives that: this shows what a crash of the
 * program does, not what a power cut does.
 */

const CLI = fileURLToPath(new URL('../../scripts/omendb.mjs', import.meta.url))
const KILLS = 20
const ROWS = 60_000
const BASE_ROWS = 2_000
const seed = Number(process.env.OMENDB_SEED ?? Date.now() % 1_000_000)

let folder = ''
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'omendb crash '))
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

interface Info {
  collections: { name: string; rows: number }[]
}

const omendb = (...args: string[]): string =>
  execFileSync(process.execPath, [CLI, ...args, '--json'], { encoding: 'utf8' })
const info = (store: string): Info => JSON.parse(omendb('info', '--store', store)) as Info

describe(`kill -9 of an import (OMENDB_SEED=${seed})`, () => {
  it('[I1] [W1] the store opens each time with every acknowledged row, and each import is whole or absent', async () => {
    const random = lcg(seed)
    const store = join(folder, 'vectors.db')
    const base = join(folder, 'base.fvecs')
    const large = join(folder, 'large.fvecs')
    writeFvecs(base, BASE_ROWS, 32)
    writeFvecs(large, ROWS, 32)
    omendb('import', base, '--store', store, '--collection', 'base')

    // How long a whole one takes, so that kills fall all over it.
    const started = performance.now()
    omendb('import', large, '--store', store, '--collection', 'whole', '--no-index')
    const whole = performance.now() - started

    const acknowledged = new Map([
      ['base', BASE_ROWS],
      ['whole', ROWS],
    ])
    let torn = 0
    for (let kill = 0; kill < KILLS; kill += 1) {
      const name = `import-${kill}`
      const ended = await importAndKill(large, store, name, random() * whole * 1.2)
      if (ended.acknowledged) acknowledged.set(name, ROWS)
      const opened = performance.now()
      const { collections } = info(store)
      expect(performance.now() - opened).toBeLessThan(5_000)
      const found = new Map(collections.map((collection) => [collection.name, collection.rows]))
      for (const [known, rows] of acknowledged)
        expect(found.get(known), `${known} after kill ${kill}`).toBe(rows)
      // Not acknowledged: whole (it was cut off after its commit) or absent.
      expect([undefined, ROWS]).toContain(found.get(name))
      if (found.get(name) === ROWS) acknowledged.set(name, ROWS)
      if (!ended.acknowledged) torn += 1
    }
    // The test would say nothing if no kill had come in time.
    expect(torn).toBeGreaterThan(KILLS / 4)

    expect(omendb('verify', '--store', store)).toContain('"problems":[]')
    const hits = JSON.parse(
      omendb('query', '--store', store, '--collection', 'base', '--id', '7', '-k', '3'),
    ) as {
      hits: unknown[]
    }
    expect(hits.hits).toHaveLength(3)
    // Nothing of the imports that were cut off is left on the disk once a writer has opened the store; those above only read it.
    omendb('history', '--store', store, '--keep-days', '30')
    const segments = readdirSync(join(store, 'segments'))
    expect(segments.length).toBeLessThanOrEqual(acknowledged.size)
  }, 180_000)
})

/** Starts an import and kills it after `delay` milliseconds, unless it has said before that it is done. */
function importAndKill(
  file: string,
  store: string,
  collection: string,
  delay: number,
): Promise<{ acknowledged: boolean }> {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, [
      CLI,
      'import',
      file,
      '--store',
      store,
      '--collection',
      collection,
      '--json',
    ])
    let out = ''
    child.stdout.on('data', (chunk: Buffer) => {
      out += chunk.toString('utf8')
    })
    const timer = setTimeout(() => child.kill('SIGKILL'), delay)
    child.on('close', () => {
      clearTimeout(timer)
      resolve({ acknowledged: out.includes('"rows"') })
    })
  })
}

function writeFvecs(path: string, rows: number, dimension: number): void {
  const bytes = Buffer.alloc(rows * (dimension + 1) * 4)
  const random = lcg(rows)
  let at = 0
  for (let row = 0; row < rows; row += 1) {
    at = bytes.writeInt32LE(dimension, at)
    for (let i = 0; i < dimension; i += 1) at = bytes.writeFloatLE(random() - 0.5, at)
  }
  writeFileSync(path, bytes)
}

function lcg(start: number): () => number {
  let state = start >>> 0
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return state / 2 ** 32
  }
}
