/** Plain lines for people: one a step. */

const colour = process.stdout.isTTY && !process.env.NO_COLOR
const paint = (code, text) => (colour ? `\u001b[${code}m${text}\u001b[0m` : text)

/** Prints one finished step. */
export function done(step, what) {
  console.log(`${paint(32, 'ok')}    ${step.padEnd(20)} ${what}`)
}

export function note(step, what) {
  console.log(`${paint(33, 'note')}  ${step.padEnd(20)} ${what}`)
}

/** A failure that names its cause and its remedy; scripts end with it, without a stack. */
export class StepFailed extends Error {
  constructor(step, cause, remedy, log = '') {
    super(cause)
    this.step = step
    this.remedy = remedy
    this.log = log
  }
}

/** Runs a script's main function; a failed step becomes two plain lines and exit status 1. */
export async function main(body) {
  try {
    await body()
  } catch (error) {
    if (!(error instanceof StepFailed)) throw error
    if (error.log) console.error(error.log.trimEnd().split('\n').slice(-40).join('\n'))
    console.error(`${paint(31, 'fail')}  ${error.step.padEnd(20)} ${error.message}`)
    console.error(`      ${''.padEnd(20)} ${error.remedy}`)
    process.exitCode = 1
  }
}

/** Seconds since `since` (performance.now()), as text. */
export function seconds(since) {
  return `${((performance.now() - since) / 1000).toFixed(1)} s`
}
