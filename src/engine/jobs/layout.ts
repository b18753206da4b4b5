import { UMAP } from 'umap-js'
import { defaultEpochs, type MapParams } from '../../contract/index.ts'
import { type Edges, fuzzyEdges, type Neighbours } from './fuzzy.ts'

/**
 * umap-js's own stochastic gradient descent, started from a given picture over a neighbour graph that is already
 * there. umap-js offers no door for either, so the state that `initializeFit` would leave is put in place here;
 * this file is the only one that knows those fields (umap-js 1.4.0).
 */

/** Half the width of the picture that the descent starts from, in UMAP's units. */
const START_EXTENT = 10

interface Internals {
  X: unknown
  isInitialized: boolean
  embedding: number[][]
  graph: { nRows: number; nCols: number }
  optimizationState: { head: unknown; tail: unknown; epochsPerSample: unknown; epochOfNextSample: unknown }
  initializeOptimization(): void
  prepareForOptimizationLoop(): void
}

/** Fewer points than this make no neighbour graph worth a layout; their PCA is the map. */
export const LAYOUT_ROWS_MIN = 5

/** Repeatable random numbers in [0, 1): mulberry32. */
export function seededRandom(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296
  }
}

/** A picture scaled so that its farthest coordinate is {@link START_EXTENT}; what is not finite goes to 0. */
export function startPicture(xy: Float32Array): Float32Array {
  let extent = 0
  for (const value of xy) if (Number.isFinite(value)) extent = Math.max(extent, Math.abs(value))
  const scale = extent > 0 ? START_EXTENT / extent : 1
  return xy.map((value) => (Number.isFinite(value) ? value * scale : 0))
}

export class Layout {
  readonly epochs: number
  #umap: UMAP
  #epoch = 0
  #embedding: number[][]

  /** `start`: x0, y0, x1, y1, …, scaled by {@link startPicture}. */
  constructor(graph: Neighbours, start: Float32Array, params: MapParams, seed: number) {
    const random = seededRandom(seed)
    this.epochs = params.epochs > 0 ? params.epochs : defaultEpochs(graph.count)
    const edges = fuzzyEdges(graph, graph.k + 1, this.epochs)
    this.#umap = new UMAP({
      nComponents: 2,
      nNeighbors: graph.k + 1,
      minDist: params.minDist,
      spread: params.spread,
      nEpochs: this.epochs,
      random,
    })
    this.#embedding = scattered(start, graph.count, random)
    this.#begin(graph.count, edges)
  }

  get done(): boolean {
    return this.#epoch >= this.epochs
  }

  get epoch(): number {
    return this.#epoch
  }

  step(): void {
    this.#epoch = this.#umap.step()
  }

  /** A copy of where the points are. */
  picture(): Float32Array {
    const xy = new Float32Array(this.#embedding.length * 2)
    for (const [i, point] of this.#embedding.entries()) {
      xy[i * 2] = point[0] ?? 0
      xy[i * 2 + 1] = point[1] ?? 0
    }
    return xy
  }

  #begin(count: number, edges: Edges): void {
    const inner = this.#umap as unknown as Internals
    let heaviest = 0
    for (const weight of edges.weight) heaviest = Math.max(heaviest, weight)
    inner.embedding = this.#embedding
    inner.graph = { nRows: count, nCols: count }
    inner.optimizationState.head = edges.head
    inner.optimizationState.tail = edges.tail
    inner.optimizationState.epochsPerSample = edges.weight.map((weight) => heaviest / weight)
    inner.initializeOptimization()
    inner.prepareForOptimizationLoop()
    inner.isInitialized = true
  }
}

/** Points at the start, apart by a hair: points at one place would never part. */
function scattered(start: Float32Array, count: number, random: () => number): number[][] {
  const points: number[][] = []
  for (let i = 0; i < count; i++) {
    points.push([
      (start[i * 2] ?? 0) + (random() - 0.5) * 2e-3,
      (start[i * 2 + 1] ?? 0) + (random() - 0.5) * 2e-3,
    ])
  }
  return points
}
