/** Two small drawings: points that fall into groups. Drawn from a seed, so they are the same at every start. */

function points(count: number, seed: number): { x: number; y: number; r: number; group: number }[] {
  let state = seed
  const next = () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return state / 2 ** 32
  }
  const centres = [
    [0.26, 0.34],
    [0.68, 0.26],
    [0.52, 0.72],
  ] as const
  return Array.from({ length: count }, (_, i) => {
    const group = i % centres.length
    const [cx, cy] = centres[group] ?? [0.5, 0.5]
    const angle = next() * 2 * Math.PI
    const far = 0.2 * Math.sqrt(-2 * Math.log(1 - next() * 0.9)) * 0.55
    return { x: cx + Math.cos(angle) * far * 1.2, y: cy + Math.sin(angle) * far, r: 1 + next() * 1.1, group }
  })
}

const GROUP_COLOURS = ['var(--accent)', '#f36809', '#08b9a2']

function Cloud({
  width,
  height,
  count,
  seed,
  scale = 1,
}: Record<'width' | 'height' | 'count' | 'seed', number> & { scale?: number }) {
  return (
    <>
      {points(count, seed).map((p) => (
        <circle
          key={`${p.x}`}
          cx={p.x * width}
          cy={p.y * height}
          r={p.r * scale}
          fill={GROUP_COLOURS[p.group]}
          opacity={0.75}
        />
      ))}
    </>
  )
}

export function DropArt({ className }: { className?: string }) {
  return (
    <svg className={className} width="220" height="132" viewBox="0 0 220 132" aria-hidden="true">
      <Cloud width={220} height={132} count={110} seed={11} scale={1.25} />
    </svg>
  )
}

export function SampleArt() {
  return (
    <svg width="64" height="44" viewBox="0 0 64 44" aria-hidden="true">
      <Cloud width={64} height={44} count={48} seed={5} scale={0.8} />
    </svg>
  )
}
