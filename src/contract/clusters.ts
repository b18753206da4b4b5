import * as v from 'valibot'
import { MapRows } from './maps.ts'
import { Name, Place } from './values.ts'

/** What is said of clusters. */

/** Clusters that the end of a job names one by one. */
export const CLUSTERS_NAMED_MAX = 100
/** Values of a column that are looked for on a map. */
export const REGIONS_MAX = 1_000

export const ClusterOrder = v.object({
  ...Place,
  /** Name of the vector column; absent: the first. */
  vector: v.optional(Name),
  /** The text column whose words name the clusters; absent: they are called by their numbers. */
  keywords: v.optional(Name),
  /** The text column that the names are written into; made if it is not there. */
  column: v.optional(Name, 'cluster'),
  /** More gives more and smaller clusters; 1 is modularity as it was defined first. */
  resolution: v.optional(v.pipe(v.number(), v.minValue(0.01), v.maxValue(100)), 1),
  /** Neighbours of a row in the graph that is divided, the row itself counted: as of a map. */
  neighbours: v.optional(v.pipe(v.number(), v.integer(), v.minValue(2), v.maxValue(200)), 15),
  seed: v.optional(v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(0xffff_ffff)), 42),
  /** These rows alone, by the neighbours that they are to each other; the others keep what they have. */
  among: v.optional(MapRows),
})

export type ClusterOrder = v.InferOutput<typeof ClusterOrder>

export interface ClusterResult {
  clusters: number
  /** Rows that are in one: all that were asked for. */
  rows: number
  /** The column that says which. */
  column: string
  /** How much more of the neighbour graph lies within clusters than chance would put there, -0.5 to 1. */
  modularity: number
  /** The largest first, at most {@link CLUSTERS_NAMED_MAX}. */
  largest: { name: string; rows: number }[]
  seconds: number
}

/** A value of a column, and the middle of its points on a map. */
export interface Region {
  label: string
  count: number
  /** Medians of the points' coordinates. */
  x: number
  y: number
  /** How far half of its points lie from there at most, as a part of how far half of all points lie from their middle. */
  width: number
}
