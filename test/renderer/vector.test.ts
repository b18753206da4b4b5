import { describe, expect, it } from 'vitest'
import { barHeights, mean, norm, parseVector, vectorText } from '../../src/renderer/ui/vector.ts'

describe('a pasted vector', () => {
  it('is read from JSON, from numpy and from separated numbers alike', () => {
    for (const text of [
      '[1, -2.5, 3e-1]',
      '1,-2.5,0.3',
      '1 -2.5 0.3',
      '1\t-2.5\t.3',
      '1; -2.5; 0.3',
      '1\n-2.5\n0.3\n',
      '[1. -2.5 0.3]',
      'array([ 1. , -2.5, 0.3])',
    ]) {
      const parsed = parseVector(text, 3)
      expect(parsed.kind, text).toBe('vector')
      if (parsed.kind === 'vector') expect([...parsed.vector]).toEqual([1, -2.5, Math.fround(0.3)])
    }
  })

  it('is told from an id', () => {
    for (const text of ['king', '42', 'new york', '3 musketeers', '', 'a,b']) {
      expect(parseVector(text, 3).kind, text).toBe('other')
    }
  })

  it('says which value is wrong', () => {
    expect(parseVector('[1, x, 3]', 3)).toEqual({
      kind: 'error',
      message: 'Value 2 of the vector, “x”, is not a number.',
    })
    expect(parseVector('1, NaN, 3', 3)).toMatchObject({ kind: 'error' })
    expect(parseVector('1, 1e300', 2)).toMatchObject({ kind: 'error' })
    expect(parseVector('[]', 2)).toMatchObject({ kind: 'error', message: 'The vector is empty.' })
    expect(parseVector('[1, 2]', 3)).toMatchObject({
      message: 'The vector has 2 values; this collection holds vectors of 3.',
    })
  })

  it('comes back the same after being copied, for any float', () => {
    const bits = new Uint32Array(2_000)
    let seed = 7
    for (let i = 0; i < bits.length; i++) {
      seed = (Math.imul(seed, 1_664_525) + 1_013_904_223) >>> 0
      bits[i] = seed
    }
    const vector = new Float32Array(bits.buffer).filter(Number.isFinite)
    const parsed = parseVector(vectorText(vector), vector.length)
    expect(parsed.kind).toBe('vector')
    if (parsed.kind === 'vector') expect([...parsed.vector]).toEqual([...vector].map((x) => x + 0))
  })
})

describe('the picture of a vector', () => {
  it('loses no peak when values share a bar', () => {
    const vector = new Float32Array(1_000)
    vector[777] = -4
    const bars = barHeights(vector, 50)
    expect(bars.length).toBe(50)
    expect(Math.min(...bars)).toBe(-1)
  })

  it('has no more bars than values, and survives zeros', () => {
    expect([...barHeights([0, 0], 50)]).toEqual([0, 0])
    expect(barHeights([], 50).length).toBe(0)
  })
})

describe('the mean of several vectors', () => {
  it('weighs by direction under cosine and by value otherwise', () => {
    const long = Float32Array.of(10, 0)
    const short = Float32Array.of(0, 1)
    expect([...mean([long, short], true)]).toEqual([0.5, 0.5])
    expect([...mean([long, short], false)]).toEqual([5, 0.5])
    expect([...mean([Float32Array.of(0, 0)], true)]).toEqual([0, 0])
    expect(norm([3, 4])).toBe(5)
  })
})
