import { describe, expect, it } from 'vitest'
import { rowIndex, sameRows, statesOf } from '../../src/renderer/features/map/rowindex.ts'
import { DIMMED, NORMAL, SELECTED } from '../../src/renderer/gl/raster.ts'

const NONE = new Uint32Array(0)
const rows = Uint32Array.of(2, 3, 5, 8, 13)
const indexOf = rowIndex(rows)

describe('row to point', () => {
  it('finds rows on ascending and on mixed maps, and tells which are missing', () => {
    for (const list of [rows, Uint32Array.of(8, 2, 13, 3, 5), Uint32Array.of(0, 1, 2, 3)]) {
      const find = rowIndex(list)
      list.forEach((row, i) => {
        expect(find(row)).toBe(i)
      })
      expect(find(4_000_000_000)).toBe(-1)
      expect(find(7)).toBe(-1)
    }
    expect(rowIndex(NONE)(0)).toBe(-1)
  })

  it('tells whether two maps hold the same rows in the same order', () => {
    expect(sameRows(rows, Uint32Array.from(rows))).toBe(true)
    expect(sameRows(rows, Uint32Array.of(3, 2, 5, 8, 13))).toBe(false)
    expect(sameRows(rows, rows.slice(1))).toBe(false)
  })
})

describe('states of points', () => {
  it('are all normal with nothing chosen, and with one row chosen', () => {
    expect(statesOf(5, indexOf, { matching: null, selection: NONE, hits: [] })).toBeNull()
    expect(statesOf(5, indexOf, { matching: null, selection: Uint32Array.of(3), hits: [] })).toBeNull()
  })

  it('grey what a filter leaves out', () => {
    const states = statesOf(5, indexOf, { matching: Uint32Array.of(3, 8, 99), selection: NONE, hits: [] })
    expect(states && [...states]).toEqual([DIMMED, NORMAL, DIMMED, NORMAL, DIMMED])
  })

  it('lift a selection and hits over all else', () => {
    const states = statesOf(5, indexOf, { matching: null, selection: Uint32Array.of(2, 3), hits: [13] })
    expect(states && [...states]).toEqual([SELECTED, SELECTED, DIMMED, DIMMED, SELECTED])
  })

  it('grey everything for a filter that nothing matches', () => {
    const states = statesOf(5, indexOf, { matching: NONE, selection: NONE, hits: [] })
    expect(states && [...states]).toEqual([DIMMED, DIMMED, DIMMED, DIMMED, DIMMED])
  })
})
