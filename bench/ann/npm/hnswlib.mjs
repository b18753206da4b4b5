import { use } from './packages.mjs'

/** hnswlib-node takes arrays of numbers, one row and one query a call, and has one thread. */
export class Hnswlib {
  about = 'M=16, ef_construction=200, f32; arrays of numbers made outside of the timing'
  fromMemory = true
  #library = use('hnswlib-node')
  #index
  #filter

  #empty(metric, dim) {
    const { HierarchicalNSW } = this.#library
    // Rows and queries of the cosine sets are unit vectors already.
    this.#index = new HierarchicalNSW(metric === 'cosine' ? 'ip' : 'l2', dim)
  }

  build({ base, rows, dim, metric }, { path }) {
    this.#empty(metric, dim)
    this.#index.initIndex(rows, 16, 200)
    const start = performance.now()
    let converting = 0
    for (let row = 0; row < rows; row += 1) {
      const since = performance.now()
      const vector = Array.from(base.subarray(row * dim, row * dim + dim))
      converting += performance.now() - since
      this.#index.addPoint(vector, row)
    }
    const seconds = (performance.now() - start - converting) / 1000
    this.#index.writeIndexSync(path)
    return { seconds }
  }

  load({ dim, metric }, path) {
    this.#empty(metric, dim)
    this.#index.readIndexSync(path)
  }

  filter(filter) {
    const passes = filter && Uint8Array.from(filter.values, (value) => (value < filter.below ? 1 : 0))
    this.#filter = filter ? (row) => passes[row] === 1 : undefined
  }

  prepare(ef) {
    this.#index.setEf(ef)
  }

  query = (query) => Array.from(query)

  one(query, k) {
    return this.#index.searchKnn(query, k, this.#filter).neighbors
  }

  many(queries, k) {
    const found = queries.map((query) => this.one(query, k))
    return (q) => found[q]
  }

  calls(rows, query, dim, k) {
    this.#empty('l2', dim)
    this.#index.initIndex(rows.length, 16, 200)
    for (const [label, row] of rows.entries()) this.#index.addPoint(Array.from(row), label)
    const numbers = Array.from(query)
    return {
      'hnswlib-node searchKnn': { call: () => this.one(numbers, k), calls: 10_000 },
      'hnswlib-node searchKnn, from a Float32Array': {
        call: () => this.one(Array.from(query), k),
        calls: 5_000,
      },
    }
  }
}
