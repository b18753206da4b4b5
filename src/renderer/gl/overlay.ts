import { type Box, placeLabels } from './labels.ts'
import { drawRegions, type Region } from './regions.ts'
import { cut, haloText } from './text.ts'
import { screenX, screenY, type View } from './view.ts'

/** The other end of a line; `lost`: the map puts it elsewhere. */
interface Link {
  x: number
  y: number
  lost: boolean
  label: string
}

/** What lies over the points: rings, numbers, labels, the lasso. Redrawn whole each time; it is never much. */
export interface Overlay {
  /** Ringed and numbered, best first; world places. */
  hits: readonly { x: number; y: number; rank: number; label: string }[]
  /** Named places, most important first. */
  labels: readonly { x: number; y: number; label: string }[]
  /** Named parts of the map, the largest first; while they are shown points have no names of their own. */
  regions: readonly Region[]
  /** The row at hand. */
  active: { x: number; y: number; label: string } | null
  hover: { x: number; y: number } | null
  /** Lines from a point to its neighbours. */
  links: { from: { x: number; y: number }; to: readonly Link[] } | null
  /** Open line or box on the screen, CSS pixels. */
  stroke: readonly number[]
  /** Cross hairs in the middle, for steering by keys. */
  cross: boolean
}

export interface OverlayStyle {
  text: string
  halo: string
  accent: string
  /** Text on the accent. */
  onAccent: string
  font: string
}

const LABEL_SIZE = 12
const BADGE = 15
/** Hits that get a number on the map; the others get a ring. */
const BADGES_MAX = 50
const LABEL_GAP = 3
/** From this radius on, names stand beside their points. */
const BESIDE_RADIUS = 3

/** Returns the texts that found a place. */
export function drawOverlay(
  context: CanvasRenderingContext2D,
  view: View,
  ratio: number,
  overlay: Overlay,
  style: OverlayStyle,
  radius: number,
  taken: readonly Box[],
): string[] {
  context.setTransform(ratio, 0, 0, ratio, 0, 0)
  context.clearRect(0, 0, view.width, view.height)
  context.lineJoin = 'round'
  context.textBaseline = 'middle'
  const at = (p: { x: number; y: number }): [number, number] => [screenX(view, p.x), screenY(view, p.y)]
  const ring = radius + 4

  if (overlay.links) links(context, at, overlay.links, style, radius)
  for (const hit of overlay.hits) circle(context, at(hit), ring, style.accent, style.halo, 1.75)
  if (overlay.active) {
    circle(context, at(overlay.active), ring + 2.5, style.text, style.halo, 2)
  }

  const boxes: Box[] = [...taken]
  const placed = badges(context, view, overlay, style, ring, boxes)
  placed.push(...drawRegions(context, view, overlay.regions, style, boxes))
  placed.push(...texts(context, view, overlay, style, radius, ring, boxes))
  if (overlay.hover) circle(context, at(overlay.hover), ring, style.text, style.halo, 1.5)
  if (overlay.cross) cross(context, view, style)
  if (overlay.stroke.length >= 4) stroke(context, overlay.stroke, style)
  return placed
}

/** What the map lost stands out; what it kept is close by anyway. */
function links(
  context: CanvasRenderingContext2D,
  at: (p: { x: number; y: number }) => [number, number],
  { from, to }: NonNullable<Overlay['links']>,
  style: OverlayStyle,
  radius: number,
): void {
  for (const end of to) {
    context.beginPath()
    context.moveTo(...at(from))
    context.lineTo(...at(end))
    context.strokeStyle = style.halo
    context.lineWidth = 3
    context.stroke()
    context.strokeStyle = end.lost ? style.accent : style.text
    context.lineWidth = end.lost ? 1.25 : 1
    context.setLineDash(end.lost ? [5, 3] : [])
    context.stroke()
    context.setLineDash([])
    circle(context, at(end), radius + 2, end.lost ? style.accent : style.text, style.halo, 1.25)
  }
  context.font = `500 ${LABEL_SIZE}px ${style.font}`
  context.textAlign = 'left'
  context.strokeStyle = style.halo
  context.fillStyle = style.text
  context.lineWidth = 3
  for (const end of to) {
    if (!end.lost || end.label === '') continue
    const [x, y] = at(end)
    context.strokeText(cut(end.label), x + radius + 5, y)
    context.fillText(cut(end.label), x + radius + 5, y)
  }
}

function circle(
  context: CanvasRenderingContext2D,
  [x, y]: [number, number],
  radius: number,
  colour: string,
  halo: string,
  width: number,
): void {
  context.beginPath()
  context.arc(x, y, radius, 0, Math.PI * 2)
  context.strokeStyle = halo
  context.lineWidth = width + 2.5
  context.stroke()
  context.strokeStyle = colour
  context.lineWidth = width
  context.stroke()
}

/** Numbers of the hits, each on a small disc beside its ring, with the hit's name. */
function badges(
  context: CanvasRenderingContext2D,
  view: View,
  { hits }: Overlay,
  style: OverlayStyle,
  ring: number,
  boxes: Box[],
): string[] {
  const shown = hits.slice(0, BADGES_MAX)
  // A ring is not written over by another hit's number where that can be helped.
  for (const hit of shown) {
    const x = screenX(view, hit.x)
    const y = screenY(view, hit.y)
    boxes.push({ x: x - ring + 1, y: y - ring + 1, width: 2 * ring - 2, height: 2 * ring - 2 })
  }
  context.font = `600 ${LABEL_SIZE}px ${style.font}`
  const requests = shown.map((hit) => ({
    x: screenX(view, hit.x),
    y: screenY(view, hit.y),
    width: BADGE + (hit.label ? 4 + context.measureText(cut(hit.label)).width : 0) + 4,
    height: BADGE + 1,
    offset: ring + 3,
    centred: false,
    // Near vectors lie together, so their numbers have to spread out.
    rings: 5,
  }))
  const placed: string[] = []
  const spots = placeLabels(requests, view.width, view.height, boxes)
  // Where the name does not fit, the number alone may.
  const narrow = placeLabels(
    requests.map((request, i) => (spots[i] ? { ...request, x: -1e6 } : { ...request, width: BADGE })),
    view.width,
    view.height,
    [...boxes, ...spots.filter((box) => box !== null)],
  )
  shown.forEach((hit, i) => {
    const box = spots[i] ?? narrow[i]
    if (!box) return
    boxes.push(box)
    const full = Boolean(spots[i])
    const middle = box.y + box.height / 2
    leader(context, view, hit, box, ring, style)
    context.beginPath()
    context.arc(box.x + BADGE / 2, middle, BADGE / 2, 0, Math.PI * 2)
    context.fillStyle = style.accent
    context.fill()
    context.strokeStyle = style.halo
    context.lineWidth = 1.5
    context.stroke()
    context.textAlign = 'center'
    context.font = `600 ${hit.rank > 99 ? 7.5 : 9.5}px ${style.font}`
    context.fillStyle = style.onAccent
    context.fillText(String(hit.rank), box.x + BADGE / 2, middle + 0.5)
    if (!full || !hit.label) return
    context.font = `600 ${LABEL_SIZE}px ${style.font}`
    haloText(context, cut(hit.label), box.x + BADGE + 4, middle, 'left', style)
    placed.push(hit.label)
  })
  return placed
}

/** A thin line from a hit to its number, where that stands apart. */
function leader(
  context: CanvasRenderingContext2D,
  view: View,
  hit: { x: number; y: number },
  box: Box,
  ring: number,
  style: OverlayStyle,
): void {
  const x = screenX(view, hit.x)
  const y = screenY(view, hit.y)
  const nearX = Math.max(box.x, Math.min(x, box.x + box.width))
  const nearY = Math.max(box.y, Math.min(y, box.y + box.height))
  const distance = Math.hypot(nearX - x, nearY - y)
  if (distance < ring + 8) return
  const endX = nearX === box.x + box.width ? nearX - 2 : box.x + BADGE / 2
  const endY = box.y + box.height / 2
  const length = Math.hypot(endX - x, endY - y)
  context.beginPath()
  context.moveTo(x + ((endX - x) / length) * ring, y + ((endY - y) / length) * ring)
  context.lineTo(endX, endY)
  context.strokeStyle = style.halo
  context.lineWidth = 3
  context.stroke()
  context.strokeStyle = style.accent
  context.lineWidth = 1
  context.stroke()
}

function texts(
  context: CanvasRenderingContext2D,
  view: View,
  { labels, active }: Overlay,
  style: OverlayStyle,
  radius: number,
  ring: number,
  boxes: Box[],
): string[] {
  const wanted = [
    ...(active?.label ? [{ ...active, strong: true }] : []),
    ...labels.map((label) => ({ ...label, strong: false })),
  ]
  const font = (strong: boolean): string => `${strong ? 600 : 500} ${LABEL_SIZE}px ${style.font}`
  const requests = wanted.map((label) => {
    context.font = font(label.strong)
    return {
      x: screenX(view, label.x),
      y: screenY(view, label.y),
      width: context.measureText(cut(label.label)).width + 2 * LABEL_GAP + 2,
      height: LABEL_SIZE + 2 * LABEL_GAP,
      offset: label.strong ? ring + 4 : radius + 2,
      // Large points lie apart and can be seen beside their names; small ones are a ground to write on.
      centred: !label.strong && radius < BESIDE_RADIUS,
      rings: 0,
    }
  })
  const placed: string[] = []
  placeLabels(requests, view.width, view.height, boxes).forEach((box, i) => {
    const label = wanted[i]
    if (!box || !label) return
    context.font = font(label.strong)
    haloText(context, cut(label.label), box.x + box.width / 2, box.y + box.height / 2, 'center', style)
    placed.push(label.label)
  })
  return placed
}

function stroke(context: CanvasRenderingContext2D, line: readonly number[], style: OverlayStyle): void {
  context.beginPath()
  for (let i = 0; i + 1 < line.length; i += 2) {
    if (i === 0) context.moveTo(line[0] as number, line[1] as number)
    else context.lineTo(line[i] as number, line[i + 1] as number)
  }
  context.closePath()
  context.globalAlpha = 0.12
  context.fillStyle = style.accent
  context.fill('nonzero')
  context.globalAlpha = 1
  context.strokeStyle = style.accent
  context.lineWidth = 1.5
  context.setLineDash([5, 3])
  context.stroke()
  context.setLineDash([])
}

function cross(context: CanvasRenderingContext2D, view: View, style: OverlayStyle): void {
  const x = Math.round(view.width / 2) + 0.5
  const y = Math.round(view.height / 2) + 0.5
  for (const [colour, width] of [
    [style.halo, 3.5],
    [style.text, 1],
  ] as const) {
    context.beginPath()
    for (const [dx, dy] of [
      [1, 0],
      [-1, 0],
      [0, 1],
      [0, -1],
    ] as const) {
      context.moveTo(x + dx * 4, y + dy * 4)
      context.lineTo(x + dx * 11, y + dy * 11)
    }
    context.strokeStyle = colour
    context.lineWidth = width
    context.stroke()
  }
}
