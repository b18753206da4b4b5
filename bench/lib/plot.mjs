/** A small plot of lines as SVG text: x on a logarithmic scale, y from zero. */

const [WIDTH, HEIGHT] = [640, 360]
const EDGE = { left: 64, right: 120, top: 40, bottom: 48 }
const COLOURS = ['#0b6bcb', '#c2410c', '#15803d', '#7c3aed', '#a16207', '#be123c']

/** `series` has for each name points of x and y. */
export function plot(series, title, xTitle) {
  const lines = [...series]
    .filter(([, points]) => points.length > 0)
    .map(([name, points]) => [name, points.toSorted(([a], [b]) => a - b)])
  const xs = lines.flatMap(([, points]) => points.map(([x]) => x))
  const [low, high] = [Math.min(...xs), Math.max(...xs)].map(Math.log10)
  const step = tick(Math.max(...lines.flatMap(([, points]) => points.map(([, y]) => y))))
  const top = step * 5
  const inner = { width: WIDTH - EDGE.left - EDGE.right, height: HEIGHT - EDGE.top - EDGE.bottom }
  const x = (value) => EDGE.left + ((Math.log10(value) - low) / (high - low || 1)) * inner.width
  const y = (value) => EDGE.top + inner.height - (value / top) * inner.height
  const across = Array.from({ length: 6 }, (_, n) => {
    const at = y(n * step).toFixed(1)
    const line = `<line x1="${EDGE.left}" x2="${WIDTH - EDGE.right}" y1="${at}" y2="${at}" stroke="#ddd"/>`
    return `${line}${text(EDGE.left - 8, y(n * step) + 4, n * step, 'end')}`
  })
  const below = [...new Set(xs)].map((value) =>
    text(x(value), HEIGHT - EDGE.bottom + 18, value.toLocaleString('en'), 'middle'),
  )
  const drawn = lines.map(([name, points], n) => {
    const colour = COLOURS[n % COLOURS.length]
    const places = points.map(([px, py]) => [x(px).toFixed(1), y(py).toFixed(1)])
    const dots = places.map(([px, py]) => `<circle cx="${px}" cy="${py}" r="3.5" fill="${colour}"/>`)
    const path = `<polyline points="${places.map((place) => place.join(',')).join(' ')}" fill="none" stroke="${colour}" stroke-width="2"/>`
    const [lastX, lastY] = places.at(-1).map(Number)
    return [path, ...dots, text(lastX + 8, lastY + 4, name, 'start', colour)].join('')
  })
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" font-family="sans-serif" font-size="12">
<rect width="100%" height="100%" fill="#fff"/>
${[text(EDGE.left, 22, title, 'start'), ...across, ...below].join('\n')}
${text(EDGE.left + inner.width / 2, HEIGHT - 8, xTitle, 'middle')}
${drawn.join('\n')}
</svg>
`
}

/** A round number of which five reach over the greatest value. */
function tick(greatest) {
  const least = greatest / 5
  const power = 10 ** Math.floor(Math.log10(least))
  return [1, 2, 2.5, 5, 10].map((n) => n * power).find((step) => step >= least) ?? 10 * power
}

function text(x, y, content, anchor, colour = '#333') {
  const place = `x="${x.toFixed(1)}" y="${y.toFixed(1)}"`
  return `<text ${place} text-anchor="${anchor}" fill="${colour}">${content}</text>`
}
