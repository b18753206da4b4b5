import type { Cell, Metric } from '../../contract/index.ts'

/** How numbers, sizes, times and cells are written for people. One language, so one locale. */

const whole = new Intl.NumberFormat('en-US', { maximumFractionDigits: 0 })

/** 20000 → "20,000". */
export function count(value: number): string {
  return whole.format(value)
}

/** "1 row", "20,000 rows". */
export function counted(value: number, noun: string): string {
  return `${count(value)} ${noun}${value === 1 ? '' : 's'}`
}

/** A measured number with about three meaningful digits: 0.231, 12.4, 1,204, 1.2e-7. */
export function measure(value: number): string {
  if (Number.isNaN(value)) return '–'
  if (!Number.isFinite(value)) return value > 0 ? '∞' : '−∞'
  const size = Math.abs(value)
  if (size === 0) return '0'
  if (size < 0.000_5 || size >= 1e15) return value.toExponential(1)
  if (size < 1) return value.toFixed(3)
  if (size < 10) return value.toFixed(2)
  if (size < 1_000) return value.toFixed(1)
  return whole.format(value)
}

/** Distances share a column, so they share their digits: always three after the point below 100. */
export function distance(value: number): string {
  if (!Number.isFinite(value)) return '–'
  const size = Math.abs(value)
  if (size >= 1_000) return whole.format(value)
  // A sum in single precision may end a hair below nothing.
  if (size < 0.000_5) return '0.000'
  return value.toFixed(size < 100 ? 3 : 1)
}

const SIZES = ['bytes', 'kB', 'MB', 'GB', 'TB', 'PB'] as const

/** Bytes in decimal units, as disks and file managers count them: 412000 → "0.4 MB". */
export function bytes(value: number): string {
  if (!Number.isFinite(value) || value < 0) return '–'
  if (value < 1_000) return value === 1 ? '1 byte' : `${whole.format(value)} bytes`
  let unit = 0
  let size = value
  while (size >= 1_000 && unit < SIZES.length - 1) {
    size /= 1_000
    unit++
  }
  return `${size < 10 ? size.toFixed(1) : whole.format(size)} ${SIZES[unit]}`
}

/** A span in milliseconds: "0.08 ms", "12 ms", "1.4 s", "2 min 5 s". */
export function milliseconds(value: number): string {
  if (!Number.isFinite(value) || value < 0) return '–'
  if (value < 10) return `${value.toFixed(2)} ms`
  if (value < 1_000) return `${Math.round(value)} ms`
  return seconds(value / 1_000)
}

/** A span in seconds: "0.4 s", "12 s", "2 min 5 s", "1 h 20 min". */
export function seconds(value: number): string {
  if (!Number.isFinite(value) || value < 0) return '–'
  if (value < 9.95) return `${value.toFixed(1)} s`
  const total = Math.round(value)
  if (total < 60) return `${total} s`
  const minutes = Math.floor(total / 60)
  if (minutes < 60) return total % 60 === 0 ? `${minutes} min` : `${minutes} min ${total % 60} s`
  const hours = Math.floor(minutes / 60)
  return minutes % 60 === 0 ? `${hours} h` : `${hours} h ${minutes % 60} min`
}

/** Rough time until a job ends; empty where it cannot be told. */
export function timeLeft(job: { done: number; total: number; rate: number }): string {
  if (job.total <= 0 || job.rate <= 0 || job.done >= job.total) return ''
  const left = (job.total - job.done) / job.rate
  return left < 1 ? 'under 1 s left' : `${seconds(Math.ceil(left))} left`
}

/** 0 to 1; null where the whole is unknown. */
export function share(job: { done: number; total: number }): number | null {
  return job.total > 0 ? Math.min(1, Math.max(0, job.done / job.total)) : null
}

/** "just now", "5 min ago", "yesterday", "12 Mar 2026". */
export function ago(iso: string, nowMs: number): string {
  const then = Date.parse(iso)
  if (Number.isNaN(then)) return ''
  const minutes = Math.floor((nowMs - then) / 60_000)
  if (minutes < 1) return 'just now'
  if (minutes < 60) return `${minutes} min ago`
  const hours = Math.floor(minutes / 60)
  if (hours < 24) return `${hours} h ago`
  const days = Math.floor(hours / 24)
  if (days === 1) return 'yesterday'
  if (days < 7) return `${days} days ago`
  return new Date(then).toLocaleDateString('en-GB', { day: 'numeric', month: 'short', year: 'numeric' })
}

/** Digits that a table shows of a fraction; copying gives the whole number. */
const FRACTION_DIGITS = 6

/** A cell as text on one line. Null is empty here; the table draws it as a dash. */
export function cell(value: Cell): string {
  if (value === null) return ''
  if (typeof value === 'string') return value
  if (typeof value === 'boolean') return value ? 'true' : 'false'
  if (typeof value === 'number') {
    if (Number.isInteger(value) || !Number.isFinite(value)) return String(value)
    return String(Number(value.toPrecision(FRACTION_DIGITS)))
  }
  return JSON.stringify(value)
}

const METRICS: Record<Metric, string> = { l2: 'L2', cosine: 'cosine', dot: 'dot product' }

export function metricName(metric: Metric): string {
  return METRICS[metric]
}

/** The same at the head of a line. */
export function metricTitle(metric: Metric): string {
  return sentence(METRICS[metric])
}

/** A phrase as a sentence begins. */
export function sentence(text: string): string {
  return text.replace(/^\p{Ll}/u, (letter) => letter.toUpperCase())
}

/** Text on one line, cut to `max` characters. */
export function brief(text: string, max = 24): string {
  const line = text.replace(/\s+/g, ' ').trim()
  const letters = [...line.slice(0, max * 2 + 2)]
  return letters.length <= max ? line : `${letters.slice(0, max - 1).join('')}…`
}

/** A score from 0 to 1. */
export const scoreText = (value: number): string => value.toFixed(3)
