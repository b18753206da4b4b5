import { type Box, overlaps } from './labels.ts'
import { cut, haloText, type TextStyle } from './text.ts'
import { screenX, screenY, type View } from './view.ts'

/** Names of parts of the map, in the middle of their points. */

export interface Region {
  x: number
  y: number
  label: string
}

const SIZE = 13
const HEIGHT = 22
const GAP = 6
/** Where the middle is taken already: so far up or down, CSS pixels. */
const AWAY = [0, -14, 14, -26, 26]

/** Writes the names that find a place, the first ones first, and adds their places to `boxes`. Returns these names. */
export function drawRegions(
  context: CanvasRenderingContext2D,
  view: View,
  regions: readonly Region[],
  style: TextStyle,
  boxes: Box[],
): string[] {
  context.font = `600 ${SIZE}px ${style.font}`
  const placed: string[] = []
  for (const { x, y, label } of regions) {
    const text = cut(label)
    const width = context.measureText(text).width + 2 * GAP
    const middle = screenX(view, x)
    const spot = AWAY.map((dy) => ({
      x: middle - width / 2,
      y: screenY(view, y) + dy - HEIGHT / 2,
      width,
      height: HEIGHT,
    })).find((box) => isInside(box, view) && !boxes.some((other) => overlaps(box, other)))
    if (!spot) continue
    boxes.push(spot)
    haloText(context, text, middle, spot.y + HEIGHT / 2, 'center', style)
    placed.push(label)
  }
  return placed
}

const isInside = ({ x, y, width, height }: Box, view: View): boolean =>
  x >= 2 && y >= 2 && x + width <= view.width - 2 && y + height <= view.height - 2
