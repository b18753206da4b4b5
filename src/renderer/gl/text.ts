/** Text on the map: it stays readable on points of any colour. */

const LABEL_CHARS_MAX = 32

export interface TextStyle {
  text: string
  halo: string
  font: string
}

export function haloText(
  context: CanvasRenderingContext2D,
  text: string,
  x: number,
  y: number,
  align: CanvasTextAlign,
  style: TextStyle,
): void {
  context.textAlign = align
  context.strokeStyle = style.halo
  context.globalAlpha = 0.35
  context.lineWidth = 6
  context.strokeText(text, x, y)
  context.globalAlpha = 0.9
  context.lineWidth = 3
  context.strokeText(text, x, y)
  context.globalAlpha = 1
  context.fillStyle = style.text
  context.fillText(text, x, y)
}

export function cut(text: string): string {
  return text.length > LABEL_CHARS_MAX ? `${text.slice(0, LABEL_CHARS_MAX - 1).trimEnd()}…` : text
}
