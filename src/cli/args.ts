import { parseArgs } from 'node:util'
import { AppError } from '../contract/index.ts'

/** Options of one command: what `parseArgs` understands. */
export type OptionTable = Record<string, { type: 'string' | 'boolean'; short?: string; multiple?: boolean }>

export interface Arguments {
  words: string[]
  text(name: string): string | undefined
  flag(name: string): boolean
  /** A whole number from `min` to `max`, or undefined where it is not given. */
  count(name: string, min: number, max: number): number | undefined
  /** Every text of an option that may be given more than once. */
  list(name: string): string[]
  /** A text that has to be there. */
  need(name: string): string
}

export function wrong(message: string, remedy = 'Run the command with --help.'): AppError {
  return new AppError({ code: 'INVALID_REQUEST', message, remedy })
}

/** Parses a command's arguments. Throws INVALID_REQUEST for what it does not know. */
export function parse(argv: string[], options: OptionTable): Arguments {
  let parsed: ReturnType<typeof parseArgs>
  try {
    parsed = parseArgs({ args: argv, options, allowPositionals: true, strict: true })
  } catch (error) {
    throw wrong(error instanceof Error ? (error.message.split('\n')[0] ?? '') : String(error))
  }
  const values = new Map(Object.entries(parsed.values))
  const text = (name: string) => {
    const value = values.get(name)
    return typeof value === 'string' ? value : undefined
  }
  return {
    words: parsed.positionals,
    text,
    flag: (name) => values.get(name) === true,
    count: (name, min, max) => {
      const value = text(name)
      if (value === undefined) return undefined
      const number = Number(value)
      if (!/^\d+$/.test(value) || number < min || number > max) {
        throw wrong(`--${name} must be a whole number from ${min} to ${max}, not "${value}".`)
      }
      return number
    },
    list: (name) => {
      const value = values.get(name)
      return Array.isArray(value) ? value.filter((item) => typeof item === 'string') : []
    },
    need: (name) => {
      const value = text(name)
      if (value === undefined || value === '') throw wrong(`--${name} is missing.`)
      return value
    },
  }
}

/** For commands that take options only. */
export function noWords(args: Arguments): void {
  if (args.words.length > 0) throw wrong(`"${args.words[0]}" was not expected.`)
}
