/**
 * The fuzzy simplicial set of UMAP over a flat neighbour graph: what umap-js computes in `fuzzySimplicialSet`, in
 * typed arrays. umap-js keeps its graphs in matrices with string keys, which takes 14 s for 20,000 points; this
 * takes some 0.1 s and yields the same weights.
 */

/** Distance of the sum of memberships from log2(k) at which the bandwidth is good enough. */
const SMOOTH_K_TOLERANCE = 1e-5
/** The bandwidth is at least this part of the mean distance. */
const MIN_K_DIST_SCALE = 1e-3
const BISECTIONS_MAX = 64
/** What the native side puts where a row has fewer than k neighbours. */
const NONE = 0xffff_ffff

/** A neighbour graph: row i's neighbours are ids[i * k] to ids[i * k + k - 1], nearest first, itself not among them. */
export interface Neighbours {
  count: number
  k: number
  ids: Uint32Array
  /** Smaller is closer; below zero only for the metric "dot". */
  distances: Float32Array
}

/** The symmetric graph as a list of directed edges, each pair in both directions. */
export interface Edges {
  head: Int32Array
  tail: Int32Array
  /** Above 0, at most 1. */
  weight: Float64Array
}

/** Nearest distance and bandwidth of each point. `neighbours` counts the point itself, as UMAP does. */
export function smoothDistances(
  graph: Neighbours,
  neighbours: number,
): { rho: Float64Array; sigma: Float64Array } {
  const { count, k, ids, distances } = graph
  const rho = new Float64Array(count)
  const sigma = new Float64Array(count)
  const target = Math.log2(neighbours)
  let signed = false
  let total = 0
  for (let at = 0; at < distances.length; at++) {
    const d = distances[at] as number
    if (ids[at] === NONE) continue
    if (d < 0) signed = true
    total += d
  }
  // The mean that umap-js takes counts the point itself, at distance 0.
  const meanOfAll = count === 0 ? 0 : total / (count * (k + 1))
  for (let i = 0; i < count; i++) {
    const first = i * k
    let present = 0
    let sum = 0
    let nearest = 0
    for (; present < k && ids[first + present] !== NONE; present++) {
      const d = distances[first + present] as number
      sum += d
      if (nearest === 0 && (d > 0 || signed)) nearest = d
    }
    rho[i] = nearest
    let low = 0
    let high = Number.POSITIVE_INFINITY
    let middle = 1
    for (let turn = 0; turn < BISECTIONS_MAX; turn++) {
      let memberships = 0
      for (let j = 0; j < present; j++) {
        const d = (distances[first + j] as number) - nearest
        memberships += d > 0 ? Math.exp(-d / middle) : 1
      }
      if (Math.abs(memberships - target) < SMOOTH_K_TOLERANCE) break
      if (memberships > target) {
        high = middle
        middle = (low + high) / 2
      } else {
        low = middle
        middle = high === Number.POSITIVE_INFINITY ? middle * 2 : (low + high) / 2
      }
    }
    let floor = signed ? Math.abs(sum - present * nearest) / (present + 1) : sum / (present + 1)
    if (!signed && nearest === 0) floor = meanOfAll
    sigma[i] = Math.max(middle, MIN_K_DIST_SCALE * floor, Number.MIN_VALUE)
  }
  return { rho, sigma }
}

/**
 * Edges of the graph with their weights a + b - ab of the two directions' memberships. Edges too light to be
 * drawn once in `epochs` epochs are left out.
 */
export function fuzzyEdges(graph: Neighbours, neighbours: number, epochs: number): Edges {
  const { count, k, ids, distances } = graph
  const { rho, sigma } = smoothDistances(graph, neighbours)
  const weights = new Float64Array(ids.length)
  // Rows of the transpose, by counting.
  const start = new Uint32Array(count + 1)
  for (let at = 0; at < ids.length; at++) {
    const i = Math.floor(at / k)
    const j = ids[at] as number
    if (j >= count || j === i) continue
    const d = (distances[at] as number) - (rho[i] as number)
    weights[at] = d <= 0 ? 1 : Math.exp(-d / (sigma[i] as number))
    start[j + 1] = (start[j + 1] as number) + 1
  }
  for (let j = 0; j < count; j++) start[j + 1] = (start[j + 1] as number) + (start[j] as number)
  const fill = start.slice(0, count)
  const from = new Uint32Array(start[count] as number)
  const back = new Float64Array(start[count] as number)
  for (let at = 0; at < ids.length; at++) {
    const i = Math.floor(at / k)
    const j = ids[at] as number
    if (j >= count || j === i) continue
    const to = fill[j] as number
    fill[j] = to + 1
    from[to] = i
    back[to] = weights[at] as number
  }

  const head = new Int32Array(from.length * 2)
  const tail = new Int32Array(from.length * 2)
  const weight = new Float64Array(from.length * 2)
  let edges = 0
  let heaviest = 0
  // For the row at hand: where its edge to each point stands, plus 1.
  const seen = new Uint32Array(count)
  for (let i = 0; i < count; i++) {
    const begin = edges
    for (let at = i * k; at < i * k + k; at++) {
      const j = ids[at] as number
      if (j >= count || j === i || seen[j] !== 0) continue
      tail[edges] = i
      head[edges] = j
      weight[edges] = weights[at] as number
      edges++
      seen[j] = edges
    }
    for (let at = start[i] as number; at < (start[i + 1] as number); at++) {
      const j = from[at] as number
      const b = back[at] as number
      const known = seen[j] as number
      if (known === 0) {
        tail[edges] = i
        head[edges] = j
        weight[edges] = b
        edges++
        seen[j] = edges
      } else {
        const a = weight[known - 1] as number
        weight[known - 1] = a + b - a * b
      }
    }
    for (let edge = begin; edge < edges; edge++) {
      seen[head[edge] as number] = 0
      heaviest = Math.max(heaviest, weight[edge] as number)
    }
  }
  let kept = 0
  for (let edge = 0; edge < edges; edge++) {
    const w = weight[edge] as number
    if (w <= 0 || w < heaviest / epochs) continue
    head[kept] = head[edge] as number
    tail[kept] = tail[edge] as number
    weight[kept] = w
    kept++
  }
  return { head: head.slice(0, kept), tail: tail.slice(0, kept), weight: weight.slice(0, kept) }
}
