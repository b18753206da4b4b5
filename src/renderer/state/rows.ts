/** Arithmetic of row sets: ascending Uint32Arrays without repeats. Every function returns a new array or its input. */

export const NO_ROWS = new Uint32Array(0)

/** Any row numbers as a row set. */
export function rowSet(rows: Iterable<number>): Uint32Array {
  const sorted = Uint32Array.from(rows).sort()
  let length = 0
  for (let i = 0; i < sorted.length; i++) {
    const row = sorted[i] as number
    if (length === 0 || sorted[length - 1] !== row) sorted[length++] = row
  }
  return sorted.slice(0, length)
}

/** Index of the first element that is not below `row`. */
function lowerBound(rows: Uint32Array, row: number): number {
  let low = 0
  let high = rows.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if ((rows[middle] as number) < row) low = middle + 1
    else high = middle
  }
  return low
}

export function hasRow(rows: Uint32Array, row: number): boolean {
  return rows[lowerBound(rows, row)] === row
}

export function union(a: Uint32Array, b: Uint32Array): Uint32Array {
  if (a.length === 0) return b
  if (b.length === 0) return a
  const out = new Uint32Array(a.length + b.length)
  let i = 0
  let j = 0
  let n = 0
  while (i < a.length || j < b.length) {
    const left = i < a.length ? (a[i] as number) : Number.POSITIVE_INFINITY
    const right = j < b.length ? (b[j] as number) : Number.POSITIVE_INFINITY
    out[n++] = Math.min(left, right)
    if (left <= right) i++
    if (right <= left) j++
  }
  return out.slice(0, n)
}

/** Rows of `a` that are not in `b`. */
export function minus(a: Uint32Array, b: Uint32Array): Uint32Array {
  if (a.length === 0 || b.length === 0) return a
  return a.filter((row) => !hasRow(b, row))
}

export function intersection(a: Uint32Array, b: Uint32Array): Uint32Array {
  const [small, large] = a.length <= b.length ? [a, b] : [b, a]
  return small.filter((row) => hasRow(large, row))
}

/** Adds the row, or takes it out if it is in. */
export function toggleRow(rows: Uint32Array, row: number): Uint32Array {
  const at = lowerBound(rows, row)
  if (rows[at] === row) {
    const out = new Uint32Array(rows.length - 1)
    out.set(rows.subarray(0, at))
    out.set(rows.subarray(at + 1), at)
    return out
  }
  const out = new Uint32Array(rows.length + 1)
  out.set(rows.subarray(0, at))
  out[at] = row
  out.set(rows.subarray(at), at + 1)
  return out
}
