import { closeSync, fstatSync, openSync, readFileSync, readSync } from 'node:fs'
import { join } from 'node:path'

/** A set's folder, as sets.py and filters.py make it. */

/** Neighbours that are asked for. */
export const K = 10

/** A file of numbers as one array; read in parts, since a system's read ends at 2 GB. */
function numbers(Kind, path) {
  const file = openSync(path)
  const values = new Kind(fstatSync(file).size / Kind.BYTES_PER_ELEMENT)
  const bytes = new Uint8Array(values.buffer)
  for (let at = 0; at < bytes.length; )
    at += readSync(file, bytes, at, Math.min(bytes.length - at, 1 << 30), at)
  closeSync(file)
  return values
}

export const floats = (path) => numbers(Float32Array, path)
export const ints = (path) => numbers(Int32Array, path)

export function readSet(path) {
  const about = JSON.parse(readFileSync(join(path, 'set.json'), 'utf8'))
  const query = floats(join(path, 'query.f32'))
  const queries = Array.from({ length: about.queries }, (_, q) =>
    query.subarray(q * about.dim, (q + 1) * about.dim),
  )
  return { ...about, path, queries, truth: ints(join(path, 'truth.i32')) }
}

/** How many of a query's true neighbours are among `found`, and how many there are: a filter may leave fewer than ten. */
export function hitsOf(set, q, found) {
  const wide = set.truth.length / set.queries.length
  const truth = new Set(set.truth.subarray(q * wide, q * wide + K).filter((row) => row >= 0))
  let hits = 0
  for (const row of found) if (truth.delete(Number(row))) hits += 1
  return [hits, hits + truth.size]
}

/** Vectors one after another, as one array. */
export function flat(vectors) {
  const all = new Float32Array(vectors.length * vectors[0].length)
  for (const [at, vector] of vectors.entries()) all.set(vector, at * vector.length)
  return all
}
