import { describe, expect, it } from 'vitest'
import { buildGrid } from '../../src/renderer/gl/grid.ts'
import { type LabelRequest, overlaps, placeLabels, representatives } from '../../src/renderer/gl/labels.ts'
import { fitView, mainBounds, panView } from '../../src/renderer/gl/view.ts'
import { cloud, random } from './random.ts'

const request = (x: number, y: number, more: Partial<LabelRequest> = {}): LabelRequest => ({
  x,
  y,
  width: 60,
  height: 16,
  offset: 8,
  centred: false,
  rings: 0,
  ...more,
})

describe('label places', () => {
  it('never overlap, one another or what was there before, and stay inside', () => {
    const next = random(1)
    const taken = [{ x: 300, y: 0, width: 100, height: 200 }]
    const requests = Array.from({ length: 200 }, () =>
      request(next() * 400, next() * 300, {
        centred: next() < 0.5,
        width: 20 + next() * 90,
        rings: next() < 0.3 ? 4 : 0,
      }),
    )
    const boxes = placeLabels(requests, 400, 300, taken)
    const placed = boxes.filter((box) => box !== null)
    expect(placed.length).toBeGreaterThan(15)
    const all = [...taken, ...placed]
    for (const [i, a] of all.entries()) {
      for (const b of all.slice(0, i)) expect(overlaps(a, b)).toBe(false)
    }
    for (const box of placed) {
      expect(box.x).toBeGreaterThanOrEqual(0)
      expect(box.x + box.width).toBeLessThanOrEqual(400)
      expect(box.y + box.height).toBeLessThanOrEqual(300)
    }
  })

  it('go to the first that asks', () => {
    const [first, second] = placeLabels(
      [request(100, 100, { centred: true }), request(105, 102, { centred: true })],
      400,
      300,
    )
    expect(first).not.toBeNull()
    expect(second).toBeNull()
  })

  it('are found further out for many that share one spot', () => {
    const crowd = Array.from({ length: 10 }, () => request(200, 150, { rings: 5 }))
    expect(placeLabels(crowd, 400, 300).every((box) => box !== null)).toBe(true)
  })
})

describe('points worth naming', () => {
  const xy = cloud(20_000, 2)
  const grid = buildGrid(xy)
  const view = fitView(mainBounds(xy), 900, 600, { top: 20, right: 20, bottom: 20, left: 20 })
  const rank = (index: number): number => index

  it('are real points, each once, the fullest places first', () => {
    const found = representatives(grid, xy, view, 50, rank)
    expect(found.length).toBeGreaterThan(8)
    expect(new Set(found.map(({ index }) => index)).size).toBe(found.length)
    for (const [i, { weight }] of found.entries()) {
      if (i > 0) expect(weight).toBeLessThanOrEqual(found[i - 1]?.weight ?? 0)
    }
  })

  it('stay the same under a small pan, as far as they remain in sight', () => {
    const before = representatives(grid, xy, view, 1_000, rank).map(({ index }) => index)
    const after = new Set(
      representatives(grid, xy, panView(view, 9, -6), 1_000, rank).map(({ index }) => index),
    )
    const kept = before.filter((index) => after.has(index))
    expect(kept.length).toBeGreaterThan(before.length * 0.8)
  })

  it('are only those that may be named', () => {
    const found = representatives(grid, xy, view, 50, rank, (index) => index % 7 === 0)
    expect(found.length).toBeGreaterThan(5)
    expect(found.every(({ index }) => index % 7 === 0)).toBe(true)
  })

  it('are none on an empty map', () => {
    expect(representatives(buildGrid(new Float32Array(0)), new Float32Array(0), view, 50, rank)).toEqual([])
  })
})
