import { basename } from 'node:path'
import { AppError } from '../contract/index.ts'

/** Who writes a store: the native side reads it as `process 12 since 2026-… (OmenDB Studio)`. */
const WORDS = /^process (\d+) since \S+ \((.*)\)$/s

/** The program's name, as far as it is told. */
export function holderName(words: string): string {
  return WORDS.exec(words)?.[2] || words
}

/** The error of a store that another program writes, with the program named. */
export function lockedError(error: AppError): AppError {
  const { path, holder, pid } = error.detail
  const name = typeof holder === 'string' && holder !== '' ? holderName(holder) : 'another program'
  const store = typeof path === 'string' ? basename(path) : 'The store'
  return new AppError({
    ...error.toData(),
    message: `${store} is being written by ${name}${typeof pid === 'number' ? ` (process ${pid})` : ''}. One program at a time writes a store.`,
    detail: { ...error.detail, holder: name },
  })
}

/** The error of a write to a store that was opened to be read. */
export function readOnlyError(writer: string | null): AppError {
  return new AppError({
    code: 'READ_ONLY',
    message: `This store was opened to be read only${writer === null ? '' : `: ${writer} writes it`}. Nothing was changed.`,
    remedy:
      writer === null ? 'Open it again to write.' : `Close it in ${writer}, then open it again to write.`,
  })
}
