import {
  AppError,
  type Cell,
  type CollectionInfo,
  LIMITS,
  type SearchQuery,
  type SearchResult,
} from '../contract/index.ts'
import { type Arguments, noWords, parse, wrong } from './args.ts'
import type { Command } from './commands.ts'
import { chooseCollection, toId, withEngine } from './session.ts'

export const queryCommand: Command = {
  summary: 'find the nearest rows',
  help: `omendb query --store DIR [--collection NAME] (--id ID | --vector JSON | --vectors FILE) [options]

  --store DIR         the store's folder
  --collection NAME   the collection; may be left out if there is only one
  --id ID             rows like the one with this id, without itself
  --vector JSON       rows near this vector: a JSON array of numbers
  --vectors FILE      one query for each vector of a .npy or .fvecs file
  --vector-column NAME  the vector column to search in; the first unless said
  -k N                neighbours, 1 to ${LIMITS.kMax}; 10 unless said
  --ef N              partitions of the index to look at, at most, 1 to ${LIMITS.efMax}; more finds more and takes longer
  --exact             compare with every row instead of the nearest partitions of the index
  --filter EXPR       only rows that match, as in an SQL WHERE clause
  --json              print one object a query: {"hits":[{"id","distance",…}],"took_ms"}\n`,
  async run(argv) {
    const args = parse(argv, {
      store: { type: 'string' },
      collection: { type: 'string' },
      id: { type: 'string' },
      vector: { type: 'string' },
      vectors: { type: 'string' },
      'vector-column': { type: 'string' },
      k: { type: 'string', short: 'k' },
      ef: { type: 'string' },
      exact: { type: 'boolean' },
      filter: { type: 'string' },
      json: { type: 'boolean' },
    })
    noWords(args)
    const ways = ['id', 'vector', 'vectors'].filter((name) => args.text(name) !== undefined)
    if (ways.length !== 1) throw wrong('Name what to look for with one of --id, --vector or --vectors.')
    const k = args.count('k', 1, LIMITS.kMax) ?? 10
    const ef = args.count('ef', 1, LIMITS.efMax)

    await withEngine(async ({ engine, grant, openToRead }) => {
      const store = await openToRead(args.need('store'))
      const collection = chooseCollection(store, args.text('collection'))
      const file = args.text('vectors')
      const queries: Iterable<SearchQuery> =
        file === undefined
          ? [queryOf(args, collection)]
          : rowsOf(await engine.call('file.vectors', { grant: grant(file, 'file') }))
      for (const query of queries) {
        const result = await engine.call('search.run', {
          store: store.store,
          collection: collection.name,
          query,
          vector: args.text('vector-column'),
          k,
          ...(ef === undefined ? {} : { ef }),
          exact: args.flag('exact'),
          filter: args.text('filter') ?? '',
        })
        process.stdout.write(args.flag('json') ? asJson(result) : asText(result))
      }
    })
  },
}

function queryOf(args: Arguments, collection: CollectionInfo): SearchQuery {
  const text = args.text('vector')
  if (text === undefined) return { by: 'id', id: toId(args.need('id'), collection) }
  let vector: unknown
  try {
    vector = JSON.parse(text)
  } catch {
    throw new AppError({
      code: 'INVALID_VECTOR',
      message: '--vector is not JSON.',
      remedy: "Write it as an array of numbers: --vector '[0.1, 0.2, 0.3]'",
    })
  }
  if (!Array.isArray(vector) || !vector.every((value) => typeof value === 'number')) {
    throw new AppError({
      code: 'INVALID_VECTOR',
      message: '--vector is not an array of numbers.',
      remedy: "Write it as: --vector '[0.1, 0.2, 0.3]'",
    })
  }
  return { by: 'vector', vector: Float32Array.from(vector) }
}

function* rowsOf({
  dimension,
  vectors,
}: {
  dimension: number
  vectors: Float32Array
}): Generator<SearchQuery> {
  for (let start = 0; start + dimension <= vectors.length; start += dimension) {
    yield { by: 'vector', vector: vectors.slice(start, start + dimension) }
  }
}

function asJson({ hits, tookMs, plan, ef }: SearchResult): string {
  const list = hits.map(({ id, distance, row, fields }) => ({ id, distance, row, fields }))
  return `${JSON.stringify({ hits: list, took_ms: Number(tookMs.toFixed(3)), plan, ef })}\n`
}

function asText({ hits, tookMs, plan }: SearchResult): string {
  const ids = hits.map(({ id }) => String(id))
  const width = Math.min(40, Math.max(2, ...ids.map((id) => id.length)))
  const lines = hits.map(({ distance, fields }, rank) => {
    const id = (ids[rank] ?? '').padEnd(width)
    return `${String(rank + 1).padStart(3)}  ${id}  ${distance.toFixed(4)}  ${brief(fields)}`.trimEnd()
  })
  return `${lines.join('\n')}\n${hits.length} of ${plan} search in ${tookMs.toFixed(2)} ms\n`
}

function brief(fields: Record<string, Cell>): string {
  return Object.entries(fields)
    .slice(0, 4)
    .map(([name, value]) => `${name}=${typeof value === 'object' ? JSON.stringify(value) : value}`)
    .join(' ')
    .slice(0, 100)
}
