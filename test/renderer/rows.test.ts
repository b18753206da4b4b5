import { describe, expect, it } from 'vitest'
import { hasRow, intersection, minus, rowSet, toggleRow, union } from '../../src/renderer/state/rows.ts'

function random(seed: number) {
  let state = seed
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return state / 2 ** 32
  }
}

describe('row sets', () => {
  it('agree with Set for any rows', () => {
    const next = random(3)
    for (let round = 0; round < 200; round++) {
      const a = Array.from({ length: Math.floor(next() * 40) }, () => Math.floor(next() * 50))
      const b = Array.from({ length: Math.floor(next() * 40) }, () => Math.floor(next() * 50))
      const [setA, setB] = [new Set(a), new Set(b)]
      const sorted = (rows: Iterable<number>) => [...rows].sort((x, y) => x - y)
      expect([...rowSet(a)]).toEqual(sorted(setA))
      expect([...union(rowSet(a), rowSet(b))]).toEqual(sorted(new Set([...a, ...b])))
      expect([...minus(rowSet(a), rowSet(b))]).toEqual(sorted([...setA].filter((r) => !setB.has(r))))
      expect([...intersection(rowSet(a), rowSet(b))]).toEqual(sorted([...setA].filter((r) => setB.has(r))))
      for (let row = 0; row < 50; row++) expect(hasRow(rowSet(a), row)).toBe(setA.has(row))
    }
  })

  it('reach the largest row number', () => {
    const rows = rowSet([0xffff_ffff, 0])
    expect([...rows]).toEqual([0, 0xffff_ffff])
    expect([...union(rows, rowSet([7]))]).toEqual([0, 7, 0xffff_ffff])
  })

  it('give back the same rows when one is toggled twice', () => {
    const rows = rowSet([2, 5, 9])
    for (const row of [0, 2, 3, 9, 12]) expect([...toggleRow(toggleRow(rows, row), row)]).toEqual([2, 5, 9])
  })
})
