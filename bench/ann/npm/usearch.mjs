import { flat } from '../set.mjs'
import { use } from './packages.mjs'

/** usearch's binding fixes ef when the index is made, so that each ef loads the file anew, outside of the timing. No filter. */
export class Usearch {
  about = 'M=16, expansion_add=200, f32'
  fromMemory = true
  #library = use('usearch')
  #index
  #set
  #path
  #ef

  #empty({ metric, dim }, ef) {
    const { Index, MetricKind, ScalarKind } = this.#library
    return new Index({
      dimensions: dim,
      metric: metric === 'cosine' ? MetricKind.Cos : MetricKind.L2sq,
      quantization: ScalarKind.F32,
      connectivity: 16,
      expansion_add: 200,
      expansion_search: ef,
      multi: false,
    })
  }

  build(set, { threads, path }) {
    const start = performance.now()
    this.#ef = 100
    this.#index = this.#empty(set, this.#ef)
    this.#index.add(
      BigUint64Array.from({ length: set.rows }, (_, row) => BigInt(row)),
      set.base,
      threads,
    )
    const seconds = (performance.now() - start) / 1000
    this.#index.save(path)
    this.#set = set
    this.#path = path
    return { seconds }
  }

  load(set, path) {
    this.#set = set
    this.#path = path
  }

  prepare(ef) {
    if (ef === this.#ef) return
    this.#ef = ef
    this.#index = this.#empty(this.#set, ef)
    this.#index.load(this.#path)
  }

  one(query, k) {
    return this.#index.search(query, k, 1).keys
  }

  queries = flat

  many(queries, k, threads) {
    const { keys, counts } = this.#index.search(queries, k, threads)
    return (q) => keys.subarray(q * k, q * k + Number(counts[q]))
  }

  calls(rows, query, dim, k) {
    this.#index = this.#empty({ metric: 'l2', dim }, 64)
    this.#index.add(
      BigUint64Array.from(rows.keys(), (row) => BigInt(row)),
      flat(rows),
    )
    return { 'usearch search': { call: () => this.#index.search(query, k, 1), calls: 10_000 } }
  }
}
