/** What becomes of the figures of several rounds. */

/** The figure at a recall, between the two settings around it, on logarithmic scales; null where no setting reaches it. */
export function at(rows, recall, figure) {
  const above = rows.findIndex((row) => row.recall >= recall)
  if (above < 0) return null
  if (above === 0) return rows[0][figure]
  const [a, b] = [rows[above - 1], rows[above]]
  // In the share that is missed, which falls by about the same factor with each step.
  const miss = (r) => Math.log(Math.max(1 - r, 1e-4))
  const t = (miss(recall) - miss(a.recall)) / (miss(b.recall) - miss(a.recall) || 1)
  return Math.exp(Math.log(a[figure]) + t * (Math.log(b[figure]) - Math.log(a[figure])))
}

/** Least, middle and greatest, as text. */
export function spread(values, digits = 0) {
  const sorted = values.filter((value) => value !== null).sort((a, b) => a - b)
  if (sorted.length === 0) return 'not reached'
  const shown = [sorted[0], sorted[sorted.length >> 1], sorted.at(-1)]
  return shown.map((value) => value.toLocaleString('en', { maximumFractionDigits: digits })).join(' / ')
}

/** The one in the middle; null where there is none. */
export const median = (values) => {
  const sorted = values.filter((value) => value !== null).sort((a, b) => a - b)
  return sorted.length === 0 ? null : sorted[sorted.length >> 1]
}
