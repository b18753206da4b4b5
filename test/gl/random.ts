/** Seeded numbers in [0, 1) (mulberry32), so that a failing case can be seen again. */
export function random(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296
  }
}

export function cloud(count: number, seed: number): Float32Array {
  const next = random(seed)
  // Two clumps and a thin ground.
  return Float32Array.from({ length: count * 2 }, (_, i) => {
    const clump = (i >> 1) % 3
    return clump === 2 ? next() * 20 - 10 : (next() + next() + next() - 1.5) * 2 + (clump === 0 ? -4 : 5)
  })
}
