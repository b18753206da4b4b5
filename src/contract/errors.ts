/**
 * The closed set of error codes, grouped by whose fault it is. Across the addon, the port, the shell
 * door and HTTP an error has one shape: {@link AppErrorData}.
 */
export const ERROR_CODES = {
  input: [
    'INVALID_REQUEST',
    'INVALID_NAME',
    'INVALID_FILTER',
    'INVALID_VECTOR',
    'INVALID_FILE',
    'UNSUPPORTED_FORMAT',
    'EMPTY_INPUT',
    'NO_VECTOR_COLUMN',
    'BAD_ROW',
    'DIMENSION_MISMATCH',
    'LIMIT_EXCEEDED',
    'NOT_GRANTED',
    'NOT_A_STORE',
    'COLLECTION_EXISTS',
    'UNKNOWN_STORE',
    'UNKNOWN_COLLECTION',
    'UNKNOWN_COLUMN',
    'UNKNOWN_ROW',
    'UNKNOWN_ID',
    'UNKNOWN_MAP',
    'UNKNOWN_JOB',
    'NOTHING_TO_UNDO',
    'HISTORY_PRUNED',
    'CANCELLED',
  ],
  environment: [
    'FILE_NOT_FOUND',
    'PERMISSION_DENIED',
    'DISK_FULL',
    'IO',
    'STORE_LOCKED',
    'STORE_POISONED',
    'STORE_CLOSED',
    'READ_ONLY',
    'ENGINE_RESTARTED',
    'ENGINE_STOPPED',
  ],
  corruption: ['CORRUPT', 'UNSUPPORTED_VERSION'],
  bug: ['INTERNAL'],
} as const

export type ErrorFault = keyof typeof ERROR_CODES
export type ErrorCode = (typeof ERROR_CODES)[ErrorFault][number]

const FAULT_OF = new Map<string, ErrorFault>(
  (Object.keys(ERROR_CODES) as ErrorFault[]).flatMap((fault) =>
    ERROR_CODES[fault].map((code) => [code, fault] as const),
  ),
)

/** Whose fault a code is. */
export function faultOf(code: ErrorCode): ErrorFault {
  return FAULT_OF.get(code) ?? 'bug'
}

export function isErrorCode(code: unknown): code is ErrorCode {
  return typeof code === 'string' && FAULT_OF.has(code)
}

/** An error as plain data, the same on every road. */
export interface AppErrorData {
  code: ErrorCode
  /** What happened, to which file or row, and what was kept. One or two sentences. */
  message: string
  /** What to do about it; empty where nothing can be done. */
  remedy: string
  /**
   * Facts for a program: positions, names, counts. Never file contents. DISK_FULL says `needed` and `free`, in bytes or
   * null; STORE_LOCKED `path`, `holder` (the program's name) and `pid`.
   */
  detail: Record<string, unknown>
  /** Whether the same call may succeed if it is made again. */
  retry: boolean
}

/** The same as a throwable. */
export class AppError extends Error {
  readonly code: ErrorCode
  readonly remedy: string
  readonly detail: Record<string, unknown>
  readonly retry: boolean

  constructor(data: Partial<AppErrorData> & Pick<AppErrorData, 'code' | 'message'>) {
    super(data.message)
    this.name = 'AppError'
    this.code = data.code
    this.remedy = data.remedy ?? ''
    this.detail = data.detail ?? {}
    this.retry = data.retry ?? false
  }

  toData(): AppErrorData {
    const { code, message, remedy, detail, retry } = this
    return { code, message, remedy, detail, retry }
  }

  /** Any thrown thing as an AppError; what is not one of ours is a bug and says so. */
  static from(thrown: unknown): AppError {
    if (thrown instanceof AppError) return thrown
    if (isErrorData(thrown)) return new AppError(thrown)
    const message = thrown instanceof Error ? thrown.message : String(thrown)
    return new AppError({
      code: 'INTERNAL',
      message: `Something in OmenDB failed that should not: ${message}`,
      remedy: 'Nothing that was saved is affected. Try again; if it stays, report it with this text.',
    })
  }
}

export function isErrorData(value: unknown): value is AppErrorData {
  if (typeof value !== 'object' || value === null) return false
  const data = value as Partial<AppErrorData>
  return isErrorCode(data.code) && typeof data.message === 'string'
}
