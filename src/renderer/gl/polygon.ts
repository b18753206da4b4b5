/** Polygons are flat lists x0, y0, x1, y1, …; the last corner joins the first. */

/**
 * Whether a point lies inside, by the non-zero rule: a freehand loop that crosses itself still holds what it went
 * around.
 */
export function insidePolygon(polygon: ArrayLike<number>, x: number, y: number): boolean {
  let winding = 0
  const n = polygon.length
  let ax = polygon[n - 2] as number
  let ay = polygon[n - 1] as number
  for (let i = 0; i + 1 < n; i += 2) {
    const bx = polygon[i] as number
    const by = polygon[i + 1] as number
    if (ay <= y !== by <= y) {
      const side = (bx - ax) * (y - ay) - (x - ax) * (by - ay)
      if (by > ay) {
        if (side > 0) winding++
      } else if (side < 0) winding--
    }
    ax = bx
    ay = by
  }
  return winding !== 0
}

/** Leaves out corners nearer than `gap` to the one before: a freehand line gives one at every mouse move. */
export function thinPolygon(polygon: readonly number[], gap: number): number[] {
  const thin: number[] = []
  let lastX = Number.NaN
  let lastY = Number.NaN
  for (let i = 0; i + 1 < polygon.length; i += 2) {
    const x = polygon[i] as number
    const y = polygon[i + 1] as number
    if (Math.hypot(x - lastX, y - lastY) < gap) continue
    thin.push(x, y)
    lastX = x
    lastY = y
  }
  return thin
}

export function boxPolygon(x0: number, y0: number, x1: number, y1: number): number[] {
  return [x0, y0, x1, y0, x1, y1, x0, y1]
}
