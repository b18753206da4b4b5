import { describe, expect, it } from 'vitest'
import { scaleOf, toLogical, toPhysical } from '../../src/renderer/features/table/scale.ts'
import { matches } from '../../src/renderer/ui/keys.ts'

describe('the scale of a tall table', () => {
  it('changes nothing while the browser can scroll it', () => {
    const scale = scaleOf(20_000, 28, 400)
    expect(scale.physical).toBe(560_000)
    expect(toLogical(scale, 1_234)).toBe(1_234)
    expect(toPhysical(scale, 1_234)).toBe(1_234)
  })

  it('reaches the first and the last of 100 million rows, and comes back', () => {
    const scale = scaleOf(100_000_000, 28, 400)
    expect(toLogical(scale, 0)).toBe(0)
    expect(toLogical(scale, scale.physical - 400)).toBe(2_800_000_000 - 400)
    for (const row of [0, 1, 777_777, 50_000_000, 99_999_000]) {
      expect(toLogical(scale, toPhysical(scale, row * 28))).toBeCloseTo(row * 28, 3)
    }
  })
})

describe('a shortcut', () => {
  const press = (key: string, held: Partial<KeyboardEvent> = {}) => ({
    key,
    ctrlKey: false,
    metaKey: false,
    altKey: false,
    shiftKey: false,
    ...held,
  })

  it('is its keys, no more and no less', () => {
    expect(matches('F', press('f'), false)).toBe(true)
    expect(matches('F', press('f', { ctrlKey: true }), false)).toBe(false)
    expect(matches('F', press('F', { shiftKey: true }), false)).toBe(false)
    expect(matches('Mod+K', press('k', { ctrlKey: true }), false)).toBe(true)
    expect(matches('Mod+K', press('k', { metaKey: true }), true)).toBe(true)
    expect(matches('Mod+K', press('k', { ctrlKey: true }), true)).toBe(false)
    expect(matches('Mod+Shift+E', press('E', { ctrlKey: true, shiftKey: true }), false)).toBe(true)
  })

  it('may be a sign that needs Shift on some keyboards', () => {
    expect(matches('?', press('?', { shiftKey: true }), false)).toBe(true)
    expect(matches('/', press('/'), false)).toBe(true)
  })
})
