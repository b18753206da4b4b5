import { join } from 'node:path'
import { ints } from '../set.mjs'
import { use } from './packages.mjs'

/** LanceDB holds a table on disk. Its calls are asynchronous, and one query may take several cores. */

const COLUMNS = ['bucket', 'slope']
/** Rows that are added at once. */
const PART = 250_000
/** Batches keep so many queries under way. */
const UNDER_WAY = 16

class Lance {
  columns = true
  fromMemory = true
  #lance = use('@lancedb/lancedb')
  #arrow = use('apache-arrow')
  #table
  #where
  #ef

  async build(set, { columns, path }) {
    const { connect, Index } = this.#lance
    const db = await connect(path)
    const parts = partsOf(this.#arrow, set, columns ? COLUMNS : [])
    this.#table = await db.createTable('rows', parts.next().value)
    for (const part of parts) await this.#table.add(part)
    // Its documents: an index on a column makes the filter that comes first faster.
    for (const column of columns ? COLUMNS : []) {
      await this.#table.createIndex(column, { config: Index.btree() })
    }
    await this.#table.createIndex('vector', { config: this.index(Index, set) })
  }

  async load(_, path) {
    this.#table = await (await this.#lance.connect(path)).openTable('rows')
  }

  prepare(ef) {
    this.#ef = ef
  }

  filter(filter) {
    this.#where = filter ? `${filter.column} < ${filter.below}` : undefined
  }

  one(query, k) {
    return this.#rows(this.tune(this.#table.vectorSearch(query).limit(k), this.#ef, k))
  }

  exact(query, k) {
    return this.#rows(this.#table.vectorSearch(query).limit(k).bypassVectorIndex())
  }

  async many(queries, k) {
    const found = new Array(queries.length)
    let next = 0
    const walk = async () => {
      while (next < queries.length) {
        const q = next
        next += 1
        found[q] = await this.one(queries[q], k)
      }
    }
    await Promise.all(Array.from({ length: UNDER_WAY }, walk))
    return (q) => found[q]
  }

  async #rows(search) {
    const asked = this.#where ? search.where(this.#where) : search
    const found = await asked.select(['id', '_distance']).toArrow()
    // An empty answer has no columns.
    return found.getChild('id')?.toArray() ?? []
  }
}

/** What its documents recommend for recall and latency. */
export class LanceHnsw extends Lance {
  about = 'IVF_HNSW_SQ, its defaults (m=20, ef_construction=300), refine factor 2, all cores'

  index(Index, { metric }) {
    return Index.hnswSq({ distanceType: metric })
  }

  /** It takes no more rows for refining than ef. */
  tune(search, ef, k) {
    return search.ef(ef).refineFactor(ef >= 2 * k ? 2 : 1)
  }
}

/** What its documents recommend where searches have filters; `ef` is partitions that are read * 1000 + refine factor. */
export class LanceRq extends Lance {
  about = 'IVF_RQ, its defaults, all cores'

  index(Index, { metric }) {
    return Index.ivfRq({ distanceType: metric })
  }

  tune(search, ef) {
    return search.nprobes(Math.floor(ef / 1000)).refineFactor(ef % 1000)
  }
}

/** The set as tables of some rows each, over the same memory. */
function* partsOf(arrow, { path, rows, dim, base }, columns) {
  const { Field, FixedSizeList, Float32, Int32, makeData, RecordBatch, Schema, Struct, Table } = arrow
  const list = new FixedSizeList(dim, new Field('item', new Float32(), true))
  const fields = [new Field('id', new Int32(), false), new Field('vector', list, false)]
  const schema = new Schema([...fields, ...columns.map((name) => new Field(name, new Int32(), false))])
  const values = columns.map((name) => ints(join(path, `${name}.i32`)))
  const int = (data) => makeData({ type: new Int32(), data })
  for (let from = 0; from < rows; from += PART) {
    const to = Math.min(rows, from + PART)
    const child = makeData({ type: new Float32(), data: base.subarray(from * dim, to * dim) })
    const children = [
      int(Int32Array.from({ length: to - from }, (_, at) => from + at)),
      makeData({ type: list, length: to - from, nullCount: 0, child }),
      ...values.map((column) => int(column.subarray(from, to))),
    ]
    const type = new Struct(schema.fields)
    const data = makeData({ type, length: to - from, nullCount: 0, children })
    yield new Table(schema, [new RecordBatch(schema, data)])
  }
}
