import { describe, expect, it } from 'vitest'
import * as format from '../../src/renderer/ui/format.ts'

describe('numbers, sizes and times are written for people', () => {
  it('puts separators into counts and knows one from many', () => {
    expect(format.count(1_234_567)).toBe('1,234,567')
    expect(format.counted(1, 'row')).toBe('1 row')
    expect(format.counted(0, 'row')).toBe('0 rows')
    expect(format.counted(20_000, 'row')).toBe('20,000 rows')
  })

  it('keeps about three meaningful digits of a measure', () => {
    expect(format.measure(0.23114587366580963)).toBe('0.231')
    expect(format.measure(5.678)).toBe('5.68')
    expect(format.measure(-12.345)).toBe('-12.3')
    expect(format.measure(1_204.4)).toBe('1,204')
    expect(format.measure(0.00000012)).toBe('1.2e-7')
    expect(format.measure(Number.NaN)).toBe('–')
  })

  it('never shows a negative zero distance', () => {
    expect(format.distance(-0.00000001)).toBe('0.000')
    expect(format.distance(0.2604)).toBe('0.260')
    expect(format.distance(-1.5)).toBe('-1.500')
    expect(format.distance(123.456)).toBe('123.5')
    expect(format.distance(54_321)).toBe('54,321')
  })

  it('scales bytes by thousands', () => {
    expect(format.bytes(0)).toBe('0 bytes')
    expect(format.bytes(1)).toBe('1 byte')
    expect(format.bytes(999)).toBe('999 bytes')
    expect(format.bytes(412_000)).toBe('412 kB')
    expect(format.bytes(2_100_000_000)).toBe('2.1 GB')
    expect(format.bytes(-1)).toBe('–')
  })

  it('chooses the unit of a span by its length', () => {
    expect(format.milliseconds(0.083)).toBe('0.08 ms')
    expect(format.milliseconds(84.2)).toBe('84 ms')
    expect(format.milliseconds(1_400)).toBe('1.4 s')
    expect(format.seconds(59.6)).toBe('1 min')
    expect(format.seconds(125)).toBe('2 min 5 s')
    expect(format.seconds(4_800)).toBe('1 h 20 min')
  })

  it('tells the time left only when it can be known', () => {
    expect(format.timeLeft({ done: 50, total: 100, rate: 10 })).toBe('5.0 s left')
    expect(format.timeLeft({ done: 99, total: 100, rate: 10 })).toBe('under 1 s left')
    expect(format.timeLeft({ done: 50, total: 0, rate: 10 })).toBe('')
    expect(format.timeLeft({ done: 100, total: 100, rate: 10 })).toBe('')
  })

  it('says how long ago something was', () => {
    const now = Date.parse('2026-11-24T12:00:00Z')
    expect(format.ago('2026-11-24T11:59:40Z', now)).toBe('just now')
    expect(format.ago('2026-11-24T11:20:00Z', now)).toBe('40 min ago')
    expect(format.ago('2026-11-23T08:00:00Z', now)).toBe('yesterday')
    expect(format.ago('not a date', now)).toBe('')
  })

  it('writes cells on one line and cuts long text by letters, not by halves of them', () => {
    expect(format.cell(0.1 + 0.2)).toBe('0.3')
    expect(format.cell(12345678)).toBe('12345678')
    expect(format.cell({ a: [1, null] })).toBe('{"a":[1,null]}')
    expect(format.cell(null)).toBe('')
    expect(format.brief('a  b\nc')).toBe('a b c')
    expect(format.brief('😀'.repeat(30), 5)).toBe('😀😀😀😀…')
  })
})
