import { describe, expect, it } from 'vitest'
import {
  CATEGORY_COLOURS,
  categoryColour,
  categoryPalette,
  NULL_CODE,
  NUMBER_NULL_CODE,
  numberCodes,
  numberPalette,
  numberScale,
  OTHER_CODE,
  OTHER_COLOUR,
  onScale,
  parseHex,
  viridis,
} from '../../src/renderer/gl/palette.ts'

type Triple = [number, number, number]

const linear = (hex: string): Triple =>
  parseHex(hex).map((byte) => {
    const c = byte / 255
    return c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4
  }) as Triple

const luminance = (hex: string): number => {
  const [r, g, b] = linear(hex)
  return 0.2126 * r + 0.7152 * g + 0.0722 * b
}

const contrast = (a: string, b: string): number => {
  const [low, high] = [luminance(a), luminance(b)].sort((x, y) => x - y) as [number, number]
  return (high + 0.05) / (low + 0.05)
}

function oklab([r, g, b]: Triple): Triple {
  const l = Math.cbrt(0.4122214708 * r + 0.5363325363 * g + 0.0514459929 * b)
  const m = Math.cbrt(0.2119034982 * r + 0.6806995451 * g + 0.1073969566 * b)
  const s = Math.cbrt(0.0883024619 * r + 0.2817188376 * g + 0.6299787005 * b)
  return [
    0.2104542553 * l + 0.793617785 * m - 0.0040720468 * s,
    1.9779984951 * l - 2.428592205 * m + 0.4505937099 * s,
    0.0259040371 * l + 0.7827717662 * m - 0.808675766 * s,
  ]
}

/** Machado, Oliveira and Fernandes 2009, full severity. */
const SIGHTS: Record<string, number[][]> = {
  normal: [
    [1, 0, 0],
    [0, 1, 0],
    [0, 0, 1],
  ],
  protan: [
    [0.152286, 1.052583, -0.204868],
    [0.114503, 0.786281, 0.099216],
    [-0.003882, -0.048116, 1.051998],
  ],
  deutan: [
    [0.367322, 0.860646, -0.227968],
    [0.280085, 0.672501, 0.047413],
    [-0.01182, 0.04294, 0.968881],
  ],
  tritan: [
    [1.255528, -0.076749, -0.178779],
    [-0.078411, 0.930809, 0.147602],
    [0.004733, 0.691367, 0.3039],
  ],
}

function seen(hex: string, sight: number[][]): Triple {
  const rgb = linear(hex)
  const mixed = sight.map((row) =>
    Math.min(
      1,
      Math.max(
        0,
        row.reduce((sum, part, i) => sum + part * (rgb[i] as number), 0),
      ),
    ),
  )
  return oklab(mixed as Triple)
}

describe('category colours', () => {
  it.each(Object.entries(SIGHTS))('stay apart under %s sight', (name, sight) => {
    let least = Number.POSITIVE_INFINITY
    for (let i = 0; i < 10; i++) {
      for (let j = 0; j < i; j++) {
        const a = seen(CATEGORY_COLOURS[i] as string, sight)
        const b = seen(CATEGORY_COLOURS[j] as string, sight)
        least = Math.min(least, Math.hypot(a[0] - b[0], a[1] - b[1], a[2] - b[2]))
      }
    }
    expect(least).toBeGreaterThan(name === 'normal' ? 0.14 : 0.08)
  })

  it.each(['#ffffff', '#15181e'])('can be seen on %s', (ground) => {
    for (const colour of [...CATEGORY_COLOURS, OTHER_COLOUR]) {
      expect(contrast(colour, ground)).toBeGreaterThan(1.8)
    }
  })

  it('stand in the palette under their codes, with "other" and "no value" in grey', () => {
    const palette = categoryPalette()
    expect([...palette.slice(3, 6)]).toEqual([...parseHex(CATEGORY_COLOURS[1])])
    expect(categoryColour(OTHER_CODE)).toBe(OTHER_COLOUR)
    expect(categoryColour(NULL_CODE)).not.toBe(OTHER_COLOUR)
    expect(categoryColour(200)).toBe(OTHER_COLOUR)
  })
})

describe('number colours', () => {
  it('get lighter all the way', () => {
    let before = -1
    for (let t = 0; t <= 1.0001; t += 0.02) {
      const [r, g, b] = viridis(t)
      const light = 0.2126 * r + 0.7152 * g + 0.0722 * b
      expect(light).toBeGreaterThan(before)
      before = light
    }
  })

  it('place values on their scale and mark missing ones', () => {
    const codes = numberCodes(Float32Array.of(0, 5, 10, Number.NaN, 99, -99), {
      kind: 'linear',
      min: 0,
      max: 10,
    })
    expect([...codes]).toEqual([0, 127, 254, NUMBER_NULL_CODE, 254, 0])
    expect(numberPalette().length).toBe(768)
  })

  it('use one colour where all values are the same', () => {
    expect([...numberCodes(Float32Array.of(3, 3), { kind: 'linear', min: 3, max: 3 })]).toEqual([127, 127])
  })

  it('take a logarithm only for positive values that crowd at the low end', () => {
    const skewed = Float32Array.from({ length: 1_000 }, (_, i) => 10_000 / (i + 1))
    expect(numberScale(skewed, 10, 10_000).kind).toBe('log')
    const even = Float32Array.from({ length: 1_000 }, (_, i) => i + 1)
    expect(numberScale(even, 1, 1_000).kind).toBe('linear')
    expect(numberScale(skewed, 0, 10_000).kind).toBe('linear')
    expect(onScale({ kind: 'log', min: 10, max: 1_000 }, 100)).toBeCloseTo(0.5)
  })
})
