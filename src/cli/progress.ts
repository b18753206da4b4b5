/** A progress bar on standard error: on a terminal one line that redraws itself, in a pipe nothing. */

const WIDTH = 24
const numbers = new Intl.NumberFormat('en-US', { maximumFractionDigits: 0 })

export interface Step {
  phase: string
  done: number
  total: number
  unit: string
  rate: number
}

export class Progress {
  #terminal = process.stderr.isTTY === true
  #drawn = false

  show({ phase, done, total, unit, rate }: Step): void {
    if (!this.#terminal) return
    const share = total > 0 ? Math.min(1, done / total) : 0
    const bar =
      total > 0
        ? `${'█'.repeat(Math.round(share * WIDTH)).padEnd(WIDTH, '░')} ${Math.floor(share * 100)} %`
        : ''
    const count = unit ? `  ${numbers.format(done)} ${unit}` : ''
    const speed = rate > 0 ? `, ${numbers.format(rate)} ${unit}/s` : ''
    const left = rate > 0 && total > done ? `, ${Math.ceil((total - done) / rate)} s left` : ''
    this.#drawn = true
    process.stderr.write(`\r\u001b[K${phase.padEnd(16)} ${bar}${count}${speed}${left}`)
  }

  clear(): void {
    if (this.#drawn) process.stderr.write('\r\u001b[K')
    this.#drawn = false
  }
}
