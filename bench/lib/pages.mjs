import { mkdirSync, writeFileSync } from 'node:fs'
import { availableParallelism, cpus } from 'node:os'
import { join } from 'node:path'
import { ROOT } from '../../scripts/lib/files.mjs'
import { done } from '../../scripts/lib/say.mjs'
import { median } from './figures.mjs'

/** Pages of results in docs/benchmarks. */

const FOLDER = 'docs/benchmarks'

/** What was run, when, and on what. */
export function circumstances(rounds) {
  const command = ['npm run bench --', ...process.argv.slice(2)].join(' ')
  const machine = `${availableParallelism()} cores of ${cpus()[0]?.model.trim()}`
  const day = new Date().toISOString().slice(0, 10)
  return `\`${command}\`, ${day}, ${machine}, Node ${process.version}, ${rounds} rounds in turns.`
}

/** Prints a page, and puts it into docs/benchmarks where that is asked for. */
export function publish(part, text, write) {
  console.log(`\n${text}`)
  if (write) save(`${part}.md`, `${text}\n`)
}

export function save(name, text) {
  mkdirSync(join(ROOT, FOLDER), { recursive: true })
  writeFileSync(join(ROOT, FOLDER, name), text)
  done('write', `${FOLDER}/${name}`)
}

/** A table; `columns` are names, with a colon in front where figures stand. */
export function table(columns, lines) {
  const names = columns.map((name) => name.replace(/^:/, ''))
  const rule = columns.map((name) => (name.startsWith(':') ? '--:' : '---'))
  return [names, rule, ...lines].map((cells) => `| ${cells.join(' | ')} |`).join('\n')
}

export const whole = (value) =>
  value === null || value === undefined ? '' : Math.round(value).toLocaleString('en')

/** How many times faster `own` is than `other`; `up` where greater figures are the better ones. */
export function ratio(own, other, up = false) {
  const [a, b] = [median(own), median(other)]
  if (a === null || b === null) return ''
  const times = up ? a / b : b / a
  return times < 0.1 ? times.toPrecision(2) : times.toFixed(2)
}

/** A set, as a heading says it. */
export const title = ({ name, rows, dim, metric }) => `${name}: ${whole(rows)} x ${dim}, ${metric}`
