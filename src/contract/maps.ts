import * as v from 'valibot'
import { FilterText, Name, Target } from './values.ts'

/** What is said of maps. */

/** min_dist of UMAP, 0 to 1. */
const MinDist = v.pipe(v.number(), v.minValue(0), v.maxValue(1))
/** spread of UMAP, above 0, at most 10. */
const Spread = v.pipe(v.number(), v.gtValue(0), v.maxValue(10))

export const MapParamsSchema = v.object({
  /** n_neighbors of UMAP, 2 to 200. */
  neighbours: v.pipe(v.number(), v.integer(), v.minValue(2), v.maxValue(200)),
  minDist: MinDist,
  spread: Spread,
  /** Epochs of the layout; 0 lets the number of rows decide. */
  epochs: v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(5_000)),
  /** Who lays the points out: this engine, or umap-js, which takes up to 100,000 rows. */
  method: v.optional(v.picklist(['umap', 'umap-js']), 'umap'),
  /** A column that the map follows besides the vectors (supervised UMAP); absent: none. Text, bool and integers with up to 12 values are categories. */
  target: v.optional(Name),
  /** How much the target counts, 0 to 1; absent: 0.5, as much as the vectors. */
  targetWeight: v.optional(v.pipe(v.number(), v.minValue(0), v.maxValue(1))),
})

/** Rows that a map is of, where it is not of all. */
export const MapRows = v.variant('by', [
  v.object({ by: v.literal('filter'), filter: FilterText }),
  v.object({ by: v.literal('rows'), rows: v.instance(Uint32Array) }),
])

/** What may change when a map goes on. */
export const MapChange = v.object({
  minDist: v.optional(MinDist),
  spread: v.optional(Spread),
  /** All epochs, with those that are done. */
  epochs: v.optional(v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(10_000))),
})

/** As the store takes it: refused before a map is drawn, not after. */
export const MapName = v.pipe(
  Name,
  v.regex(/\S/, 'a name that says something'),
  v.regex(/^\P{Cc}*$/u, 'a name without control characters'),
)

export const OnMap = { ...Target, name: v.optional(MapName, 'map') }

export type MapParams = v.InferOutput<typeof MapParamsSchema>
export type MapRows = v.InferOutput<typeof MapRows>
export type MapChange = v.InferOutput<typeof MapChange>

/** How much of a map is true, after scikit-learn's definitions; 1 is all. */
export interface MapScore {
  /** Neighbours that were compared. */
  k: number
  /** Rows that were looked at: all, or a random sample. */
  sample: number
  /** Whether rows that lie together on the map are near each other. */
  trustworthiness: number
  /** Whether rows that are near each other lie together on the map. */
  continuity: number
  /** The share of a row's true neighbours that are its neighbours on the map, on average. */
  kept: number
}

export interface MapInfo {
  name: string
  params: MapParams
  seed: number
  /** Rows on the map. */
  rows: number
  /** The vector column that it is drawn from; absent: the first. */
  vector?: string
  /** What these are, where they are not all that there were: the filter, or null for chosen rows. */
  of?: { filter: string | null }
  /** How many of them came later, and were placed among the others without moving these. */
  placed?: number
  /** The map that it was turned to lie like. */
  onto?: string
  /** Epochs that are done; fewer than the parameters say where the layout was stopped. */
  epoch: number
  /** Store generation at which it was drawn. */
  generation: number
  /** ISO 8601. */
  created: string
  /** How it was made: "umap", "umap-js" or "pca". */
  method: string
  /** Absent before it was judged. */
  score?: MapScore
  /** It is only in memory until the store is closed: what it is of can only be read. */
  unsaved?: true
}

export interface MapData {
  info: MapInfo
  rows: Uint32Array
  /** x0, y0, x1, y1, … in the order of `rows`. */
  xy: Float32Array
  /** For each row how many of its true neighbours are its neighbours on the map; 255 where it was not looked at. Null before the map was judged. */
  kept: Uint8Array | null
  /** For each row 1 if it was placed after the map was laid out, else 0. Null where none was. */
  placed: Uint8Array | null
}

/** How a map stands to the rows that it is of as they are now. */
export interface MapState {
  /** Rows that are not on it. */
  newer: number
  /** Rows on it that are not there any more. */
  gone: number
}

/** What moved between two maps, by the rows that both have. */
export interface MapMoves {
  rows: Uint32Array
  /** How far each lies from where the other map has it, when that is turned and scaled to fit; 1 is as far as rows lie from the middle, on average. */
  moved: Float32Array
  /** How many of its `k` nearest rows on the first map are among its nearest on the other. */
  kept: Uint8Array
  k: number
}

/** In {@link MapData.kept} for a row that was not looked at. */
export const NOT_JUDGED = 255

/** Neighbours that a map is judged by, and shown. */
export const JUDGED_NEIGHBOURS = 15

/** Epochs when the person leaves it open: umap-js's own rule. */
export function defaultEpochs(rows: number): number {
  if (rows <= 2_500) return 500
  if (rows <= 5_000) return 400
  if (rows <= 7_500) return 300
  return 200
}
