import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { TuneReport } from '../../src/contract/index.ts'

/** The command as a person types it: the built program, its output and its exit status. */

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
const CLI = join(ROOT, 'scripts/omendb.mjs')
const SAMPLE = join(ROOT, 'samples/words.parquet')

let folder = ''
let store = ''
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'omendb cli '))
  store = join(folder, 'words.db')
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

function omendb(...args: string[]): { status: number | null; out: string; err: string } {
  const { status, stdout, stderr } = spawnSync(process.execPath, [CLI, ...args], { encoding: 'utf8' })
  return { status, out: stdout, err: stderr }
}

interface Query {
  hits: { id: string | number; distance: number }[]
  took_ms: number
}

describe('the main job', () => {
  test('import says what it did, as JSON and without a bar in a pipe', () => {
    const { status, out, err } = omendb('import', SAMPLE, '--store', store, '--collection', 'words', '--json')
    expect(err).toBe('')
    expect(status).toBe(0)
    expect(JSON.parse(out)).toEqual({
      collection: 'words',
      rows: 20_000,
      rejected: 0,
      seconds: expect.any(Number) as number,
    })
  })

  test('tune measures the default, more and more partitions, and every row, as a table and as JSON', () => {
    const text = omendb('tune', '--store', store, '--queries', '50')
    expect([text.status, text.err]).toEqual([0, ''])
    expect(text.out).toMatch(
      /words: 20,000 rows of \d+ dimensions under cosine; vectors .+, index .+ of 20,000 rows/,
    )
    expect(text.out).toMatch(/search +recall@10 +p50 us +p99 us +distances\ndefault /)
    expect(text.out).toMatch(/--exact +1\.000/)
    const json = omendb('tune', '--store', store, '--queries', '50', '--json')
    const { queries, choices } = JSON.parse(json.out) as TuneReport
    expect(queries).toBe(50)
    const usual = choices.find(({ ef, exact }) => ef === null && !exact)
    expect(usual?.recall).toBeGreaterThan(0.9)
    expect(choices.at(-1)).toMatchObject({ exact: true, recall: 1 })
    const wrong = omendb('tune', '--store', store, '--queries', '0')
    expect([wrong.status, wrong.out]).toEqual([1, ''])
    expect(wrong.err).toContain('1 to 1000')
  })

  test('query by id finds queen near king, through the index and exactly, and leaves king out', () => {
    for (const how of [[], ['--exact'], ['--ef', '200']]) {
      const { status, out } = omendb(
        'query',
        '--store',
        store,
        '--collection',
        'words',
        '--id',
        'king',
        '--json',
        ...how,
      )
      expect(status).toBe(0)
      const { hits, took_ms } = JSON.parse(out) as Query
      const ids = hits.map(({ id }) => id)
      expect(ids).toHaveLength(10)
      expect(ids).toContain('queen')
      expect(ids).not.toContain('king')
      expect(hits.map(({ distance }) => distance)).toEqual(
        hits.map(({ distance }) => distance).sort((a, b) => a - b),
      )
      expect(took_ms).toBeGreaterThan(0)
    }
  })

  test('query takes a filter, a vector, and a file of vectors', () => {
    const filtered = omendb(
      'query',
      '--store',
      store,
      '--id',
      'king',
      '-k',
      '5',
      '--filter',
      "first_letter = 'q'",
      '--json',
    )
    expect((JSON.parse(filtered.out) as Query).hits.every(({ id }) => String(id).startsWith('q'))).toBe(true)

    const vector = JSON.stringify(Array.from({ length: 100 }, (_, i) => Math.sin(i)))
    const near = omendb('query', '--store', store, '--vector', vector, '-k', '1', '--json')
    expect((JSON.parse(near.out) as Query).hits).toHaveLength(1)

    const file = join(folder, 'queries.fvecs')
    const bytes = Buffer.alloc(3 * 101 * 4)
    for (let row = 0; row < 3; row += 1) {
      bytes.writeInt32LE(100, row * 404)
      for (let i = 0; i < 100; i += 1) bytes.writeFloatLE(Math.cos(i * (row + 1)), row * 404 + 4 + i * 4)
    }
    writeFileSync(file, bytes)
    const many = omendb('query', '--store', store, '--vectors', file, '-k', '2', '--json')
    const answers = many.out.trim().split('\n')
    expect(answers).toHaveLength(3)
    for (const answer of answers) expect((JSON.parse(answer) as Query).hits).toHaveLength(2)
  })

  test('info and verify tell of the store', () => {
    const info = omendb('info', '--store', store)
    expect(info.out).toMatch(/words: 20,000 rows/)
    expect(info.out).toMatch(/100 dimensions, cosine, index ready/)
    expect(omendb('verify', '--store', store).out).toMatch(/all sound/)
  })

  test('map writes coordinates to CSV', () => {
    const small = join(folder, 'small.db')
    omendb('import', join(ROOT, 'samples/words-1000.csv'), '--store', small, '--collection', 'words')
    const out = join(folder, 'map.csv')
    const { status, err } = omendb(
      'map',
      '--store',
      small,
      '--collection',
      'words',
      '--out',
      out,
      '--epochs',
      '30',
    )
    expect(err).toBe('')
    expect(status).toBe(0)
    const lines = readFileSync(out, 'utf8').trim().split('\n')
    expect(lines).toHaveLength(1_001)
    expect(lines[0]).toMatch(/\bx\b.*\by\b/)
  })
})

describe('a file with two vector columns', () => {
  const both = () => join(folder, 'both.db')
  const json = (...args: string[]) => {
    const { status, out, err } = omendb(...args, '--json')
    expect([status, err]).toEqual([0, ''])
    return JSON.parse(out) as unknown
  }
  const file = () => {
    const rows = Array.from({ length: 60 }, (_, row) => ({
      id: `row ${row}`,
      text_embedding: [row % 3 === 0 ? 9 : 0, row % 3 === 1 ? 9 : 0, row % 3 === 2 ? 9 : 0].map(
        (value, at) => value + row / 97 + at / 10,
      ),
      image_embedding: Array.from({ length: 6 }, (_, at) => (at === row % 2 ? 200 : row % 7) + at),
    }))
    const path = join(folder, 'both.jsonl')
    writeFileSync(path, rows.map((row) => `${JSON.stringify(row)}\n`).join(''))
    return path
  }

  test('is imported with both, searched, measured and mapped by each', () => {
    json('import', file(), '--store', both())
    expect(omendb('info', '--store', both()).out).toMatch(
      /vector +image_embedding: 6 dimensions, l2.+\n +vector +text_embedding: 3 dimensions, cosine/,
    )
    const near = (...how: string[]) => {
      const { hits } = json('query', '--store', both(), '--id', 'row 7', '-k', '12', ...how) as Query
      return hits.map(({ id }) => Number(String(id).slice(4)))
    }
    expect(near().every((row) => row % 2 === 1)).toBe(true)
    expect(near('--vector-column', 'text_embedding').every((row) => row % 3 === 1)).toBe(true)
    expect(omendb('query', '--store', both(), '--id', 'row 7', '--vector-column', 'none').err).toMatch(
      /UNKNOWN_COLUMN/,
    )
    expect(json('tune', '--store', both(), '--vector', 'text_embedding')).toMatchObject({ dimension: 3 })
    const out = join(folder, 'both.csv')
    const map = ['map', '--store', both(), '--out', out, '--epochs', '30', '--name', 'text']
    expect(json(...map, '--vector', 'text_embedding')).toMatchObject({ rows: 60 })
    expect(omendb('info', '--store', both()).out).toMatch(/map +text: 60 rows by text_embedding, umap/)
  })

  test('is imported with those that are named, under the metrics that are named', () => {
    const one = join(folder, 'one.db')
    const named = ['--vector', 'text_embedding', '--vector', 'image_embedding']
    json('import', file(), '--store', one, ...named, '--metric', 'dot', '--metric', 'image_embedding=l2')
    json('import', file(), '--store', one, '--collection', 'text', '--vector', 'text_embedding')
    expect(json('info', '--store', one)).toMatchObject({
      collections: [
        {
          name: 'both',
          vectors: [
            { name: 'text_embedding', metric: 'dot' },
            { name: 'image_embedding', metric: 'l2' },
          ],
        },
        { name: 'text', vectors: [{ name: 'text_embedding', metric: 'cosine' }] },
      ],
    })
    const again = omendb('import', file(), '--store', one, '--vector', 'text_embedding', '--metric', 'dot')
    expect(again.err).toMatch(/no vectors for "image_embedding"\. \[NO_VECTOR_COLUMN\]\s+Nothing was written/)
    expect(omendb('import', file(), '--store', one, '--metric', 'nearness').err).toMatch(/--metric is one of/)
  })
})

describe('what goes wrong', () => {
  const cases: [string, string[], number, RegExp][] = [
    ['no such command', ['improt'], 1, /There is no command "improt"/],
    ['no such option', ['info', '--stroe', 'x'], 1, /INVALID_REQUEST/],
    ['no such file', ['import', '/nowhere/x.parquet', '--store', '/tmp/never.db'], 1, /FILE_NOT_FOUND/],
    ['no such store', ['info', '--store', '/nowhere/x.db'], 1, /FILE_NOT_FOUND/],
    [
      'a number out of range',
      ['query', '--store', 'x', '--id', 'a', '-k', '0'],
      1,
      /--k must be a whole number from 1/,
    ],
    [
      'two ways to ask',
      ['query', '--store', 'x', '--id', 'a', '--vector', '[1]'],
      1,
      /one of --id, --vector or --vectors/,
    ],
  ]
  test.each(cases)('%s', (_, args, status, message) => {
    const answer = omendb(...args)
    expect(answer.err).toMatch(message)
    expect(answer.status).toBe(status)
    expect(answer.out).toBe('')
  })

  test('words that are unknown: id, collection, column of a filter', () => {
    expect(omendb('query', '--store', store, '--id', 'xyzzyx').err).toMatch(/UNKNOWN_ID/)
    expect(omendb('query', '--store', store, '--collection', 'wrods', '--id', 'king').err).toMatch(
      /It has: words/,
    )
    expect(omendb('query', '--store', store, '--id', 'king', '--filter', 'rnak < 3').err).toMatch(
      /INVALID_FILTER/,
    )
  })
})
