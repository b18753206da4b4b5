/** Colours of points. Codes are indices into a palette of 256 colours, three bytes each. */

/**
 * Ten colours for categories: found by simulated annealing for the largest smallest distance in OKLab under normal,
 * deutan, protan and tritan sight, each visible on both grounds; the order puts far ones first.
 */
export const CATEGORY_COLOURS = [
  '#035fd5',
  '#f36809',
  '#08d4ba',
  '#ba2b59',
  '#d5bf13',
  '#6e3c95',
  '#47a06d',
  '#ce71c2',
  '#2fa2fb',
  '#80430a',
] as const
/** "Other", and below it "no value". */
export const OTHER_COLOUR = '#8b95a5'
export const NULL_COLOUR = '#aab1bc'

/** Codes as in the contract's category columns. */
export const OTHER_CODE = 10
export const NULL_CODE = 11
/** Code of "no value" on a number scale; 0 to 254 is the scale. */
export const NUMBER_NULL_CODE = 255

/** viridis at 0, 1/8, …, 1 (CC0, Smith and van der Walt). */
const VIRIDIS = [
  '#440154',
  '#472d7b',
  '#3b528b',
  '#2c728e',
  '#21918c',
  '#28ae80',
  '#5ec962',
  '#addc30',
  '#fde725',
] as const

export type Rgb = readonly [number, number, number]

/** "#rrggbb" as bytes; black for anything else. */
export function parseHex(hex: string): Rgb {
  const match = /^#([0-9a-f]{6})$/i.exec(hex.trim())
  const value = match ? Number.parseInt(match[1] as string, 16) : 0
  return [value >> 16, (value >> 8) & 255, value & 255]
}

/** viridis at t from 0 to 1. */
export function viridis(t: number): Rgb {
  const at = Math.min(1, Math.max(0, t)) * (VIRIDIS.length - 1)
  const low = Math.min(VIRIDIS.length - 2, Math.floor(at))
  const a = parseHex(VIRIDIS[low] as string)
  const b = parseHex(VIRIDIS[low + 1] as string)
  const u = at - low
  return [0, 1, 2].map((i) => Math.round((a[i] as number) * (1 - u) + (b[i] as number) * u)) as unknown as Rgb
}

export const VIRIDIS_CSS = `linear-gradient(to right, ${VIRIDIS.join(', ')})`

function paletteOf(colour: (code: number) => Rgb): Uint8Array {
  const palette = new Uint8Array(256 * 3)
  for (let code = 0; code < 256; code++) palette.set(colour(code), code * 3)
  return palette
}

export function categoryColour(code: number): string {
  if (code === NULL_CODE) return NULL_COLOUR
  return CATEGORY_COLOURS[code] ?? OTHER_COLOUR
}

export const categoryPalette = (): Uint8Array => paletteOf((code) => parseHex(categoryColour(code)))

/** One colour for all. */
export const plainPalette = (hex: string): Uint8Array => paletteOf(() => parseHex(hex))

export const numberPalette = (): Uint8Array =>
  paletteOf((code) => (code === NUMBER_NULL_CODE ? parseHex(NULL_COLOUR) : viridis(code / 254)))

/** A scale from values to 0…1. Logarithmic where all values are positive and most crowd at the low end. */
export interface NumberScale {
  kind: 'linear' | 'log'
  min: number
  max: number
}

export function numberScale(values: Float32Array, min: number, max: number): NumberScale {
  if (min > 0 && max / min >= 100) {
    const middle = (min + max) / 2
    let low = 0
    let seen = 0
    for (const value of values) {
      if (Number.isNaN(value)) continue
      seen++
      if (value < middle) low++
    }
    if (low > seen * 0.8) return { kind: 'log', min, max }
  }
  return { kind: 'linear', min, max }
}

/** Where a value stands on the scale, 0 to 1, clamped; NaN for NaN. */
export function onScale(scale: NumberScale, value: number): number {
  const span = scale.kind === 'log' ? Math.log(scale.max / scale.min) : scale.max - scale.min
  if (Number.isNaN(value)) return value
  if (!(span > 0)) return 0.5
  const t = scale.kind === 'log' ? Math.log(value / scale.min) / span : (value - scale.min) / span
  return Math.min(1, Math.max(0, t))
}

/** Codes for {@link numberPalette}. */
export function numberCodes(values: Float32Array, scale: NumberScale): Uint8Array {
  const codes = new Uint8Array(values.length)
  for (let i = 0; i < values.length; i++) {
    const t = onScale(scale, values[i] as number)
    codes[i] = Number.isNaN(t) ? NUMBER_NULL_CODE : Math.round(t * 254)
  }
  return codes
}
