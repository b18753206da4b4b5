import { basename, extname } from 'node:path'
import type { ImportPlan, ImportPreview, ImportResult, Metric } from '../contract/index.ts'
import { AppError } from '../contract/index.ts'
import { parse, wrong } from './args.ts'
import type { Command } from './commands.ts'
import { waitForIndex, withEngine } from './session.ts'

const METRICS: readonly Metric[] = ['cosine', 'l2', 'dot']

export const importCommand: Command = {
  summary: 'read a file of vectors into a store',
  help: `omendb import FILE --store DIR [options]

Reads Parquet, CSV, TSV, JSON Lines, .npy or .fvecs into a collection. The import is whole or absent: if it stops
or is cancelled, nothing of it is kept. The store is made if it is not there.

  --store DIR            the store's folder
  --collection NAME      the collection; the file's name unless said
  --vector COLUMN        the column that holds the vector; found by itself unless said. Given several times, or found
                         several, each is a vector column; searches are in the first unless they name another
  --id COLUMN            the column that holds the id; "" to number the rows; found by itself unless said
  --metric METRIC        cosine, l2 or dot; guessed from the norms unless said. For one of several: COLUMN=METRIC
  --on-error stop|skip   what a bad row does: stop the import (unless said), or be counted and left out
  --no-index             do not wait for the index; it is built when the store is next open
  --json                 print {"collection","rows","rejected","seconds"}\n`,
  async run(argv) {
    const args = parse(argv, {
      store: { type: 'string' },
      collection: { type: 'string' },
      vector: { type: 'string', multiple: true },
      id: { type: 'string' },
      metric: { type: 'string', multiple: true },
      'on-error': { type: 'string' },
      'no-index': { type: 'boolean' },
      json: { type: 'boolean' },
    })
    const [file, more] = args.words
    if (file === undefined) throw wrong('Which file? FILE is missing.')
    if (more !== undefined) throw wrong(`One file at a time: "${more}" is one too many.`)
    const onError = args.text('on-error') ?? 'stop'
    if (onError !== 'stop' && onError !== 'skip') throw wrong(`--on-error is stop or skip, not "${onError}".`)
    const metrics = readMetrics(args.list('metric'))
    const store = args.need('store')
    const collection = args.text('collection') ?? (basename(file, extname(file)).slice(0, 128) || 'vectors')
    const json = args.flag('json')

    await withEngine(async ({ engine, grant, openToWrite, finish }) => {
      const source = grant(file, 'file')
      const preview = await engine.call('import.preview', { grant: source })
      const plan = planOf(preview, {
        vectors: args.list('vector'),
        id: args.text('id'),
        metrics,
        onError,
      })
      const opened = await openToWrite(store, { create: true })
      const result = await finish<ImportResult>(
        engine.call('import.start', { store: opened.store, grant: source, collection, plan }),
      )
      if (json) {
        const { rows, rejected, seconds } = result
        process.stdout.write(`${JSON.stringify({ collection, rows, rejected, seconds })}\n`)
      } else {
        process.stdout.write(report(result))
      }
      if (!args.flag('no-index')) await waitForIndex(engine, opened.store, collection)
    })
  },
}

interface Wishes {
  /** Empty: those that the preview found. */
  vectors: string[]
  id: string | undefined
  /** By column; under "" that of all others. */
  metrics: Map<string, Metric>
  onError: 'stop' | 'skip'
}

/** METRIC, or COLUMN=METRIC for one of several. */
function readMetrics(texts: string[]): Map<string, Metric> {
  return new Map(
    texts.map((text) => {
      const border = text.lastIndexOf('=')
      const metric = METRICS.find((one) => one === text.slice(border + 1))
      if (!metric) throw wrong(`--metric is one of ${METRICS.join(', ')}, not "${text.slice(border + 1)}".`)
      return [text.slice(0, Math.max(0, border)), metric]
    }),
  )
}

/** The plan that the preview suggests, with what was asked for in place of it. */
export function planOf(preview: ImportPreview, wishes: Wishes): ImportPlan {
  const found = preview.vectorCandidates.filter(({ planned }) => planned).map(({ column }) => column)
  const vectors = wishes.vectors.length > 0 ? wishes.vectors : found
  const [vector] = vectors
  if (vector === undefined) {
    throw new AppError({
      code: 'NO_VECTOR_COLUMN',
      message: `No column of ${preview.file} looks like a vector.`,
      remedy: 'Name it with --vector COLUMN.',
    })
  }
  const id = wishes.id === '' ? null : (wishes.id ?? preview.id?.column ?? null)
  const known = new Set(preview.columns.map(({ name }) => name))
  const named = [
    ...vectors.map((name) => ['vector', name] as const),
    ...[...wishes.metrics.keys()].filter(Boolean).map((name) => ['metric', name] as const),
    ...(id === null ? [] : [['id', id] as const]),
  ]
  for (const [option, name] of named) {
    if (!known.has(name)) {
      throw new AppError({
        code: 'UNKNOWN_COLUMN',
        message: `${preview.file} has no column "${name}" (--${option}).`,
        remedy: `Its columns are: ${[...known].slice(0, 30).join(', ')}`,
      })
    }
  }
  const metricOf = (column: string) => {
    const candidate = preview.vectorCandidates.find((one) => one.column === column)
    return wishes.metrics.get(column) ?? wishes.metrics.get('') ?? candidate?.metric.metric
  }
  return {
    vector,
    id,
    metric: metricOf(vector) ?? preview.metric.metric,
    onError: wishes.onError,
    columns: preview.columns
      .filter(({ name, type }) => name !== vector && (type !== 'vector' || vectors.includes(name)))
      .map(({ name, type, dimension }) =>
        vectors.includes(name)
          ? { source: name, name, type: 'vector', dimension, metric: metricOf(name) }
          : { source: name, name, type },
      ),
  }
}

function report(result: ImportResult): string {
  const count = new Intl.NumberFormat('en-US')
  const lines = [
    `${count.format(result.rows)} rows imported into ${result.collection} in ${result.seconds.toFixed(2)} s`,
  ]
  if (result.replaced > 0)
    lines.push(`${count.format(result.replaced)} took the place of rows with the same id`)
  if (result.rejected > 0) {
    lines.push(`${count.format(result.rejected)} rows left out:`)
    for (const { row, line, column, reason } of result.rejectedRows.slice(0, 10)) {
      const place = [
        `row ${row}`,
        line === null ? '' : `line ${line}`,
        column === null ? '' : `column ${column}`,
      ]
      lines.push(`  ${place.filter(Boolean).join(', ')}: ${reason}`)
    }
    if (result.rejected > 10) lines.push(`  and ${count.format(result.rejected - 10)} more`)
  }
  return `${lines.join('\n')}\n`
}
