import * as v from 'valibot'
import {
  AppError,
  LIMITS,
  type Operation,
  operations,
  type Params,
  type Reply,
  Request,
  type Results,
} from '../contract/index.ts'
import { nativeError } from './addon.ts'
import type { Context, Handler } from './context.ts'
import { handlers } from './operations/index.ts'

/**
 * The one way in. Whatever arrives is hostile until the contract's schema has passed it, and whatever happens is
 * answered: a result, or an error with a code.
 */

/** Values (of arrays and objects, typed arrays counting as one) in one request. */
const REQUEST_VALUES_MAX = 40_000_000
/** Nesting of a request. */
const REQUEST_DEPTH_MAX = 64
/** Letters of a schema's complaint that are passed on. */
const COMPLAINT_CHARS_MAX = 300

const schemas = new Map<string, v.GenericSchema>(Object.entries(operations))
const byName = new Map<string, Handler<Operation>>(
  Object.entries(handlers) as unknown as [string, Handler<Operation>][],
)

export class Router {
  #context: Context

  constructor(context: Context) {
    this.#context = context
  }

  /** Runs one operation for a caller in this process. Throws {@link AppError}. */
  async call<O extends Operation>(op: O, params: Params<O>): Promise<Results[O]> {
    return (await this.#run(op, params)) as Results[O]
  }

  /** A connection with its own count of requests in flight. */
  connect(send: (reply: Reply) => void): (message: unknown) => Promise<void> {
    let inFlight = 0
    return async (message) => {
      const id = requestId(message)
      const answer = (reply: Reply) => {
        try {
          send(reply)
        } catch {
          // The other end is gone: nobody is left to tell.
        }
      }
      if (inFlight >= LIMITS.inFlightMax) {
        answer({
          id,
          ok: false,
          error: new AppError({
            code: 'LIMIT_EXCEEDED',
            message: `${LIMITS.inFlightMax} requests are being answered already.`,
            remedy: 'Wait for answers before asking more.',
            retry: true,
          }).toData(),
        })
        return
      }
      inFlight++
      try {
        const request = v.safeParse(Request, message)
        if (!request.success) throw invalid('The message is not a request', request.issues)
        const value = await this.#run(request.output.op, request.output.params)
        answer({ id, ok: true, value: value as Results[Operation] })
      } catch (thrown) {
        answer({ id, ok: false, error: nativeError(thrown).toData() })
      } finally {
        inFlight--
      }
    }
  }

  async #run(op: string, params: unknown): Promise<unknown> {
    const schema = schemas.get(op)
    const handler = byName.get(op)
    if (!schema || !handler) {
      throw new AppError({
        code: 'INVALID_REQUEST',
        message: `There is no operation ${JSON.stringify(String(op).slice(0, 64))}.`,
      })
    }
    measure(params)
    const parsed = v.safeParse(schema, params, { abortEarly: true })
    if (!parsed.success) throw invalid(`The parameters of ${op} do not fit`, parsed.issues)
    try {
      return await handler(parsed.output as never, this.#context)
    } catch (thrown) {
      throw nativeError(thrown)
    }
  }
}

/** The number of a request, as far as it can be read; 0 otherwise. */
function requestId(message: unknown): number {
  if (typeof message !== 'object' || message === null) return 0
  const id: unknown = Object.hasOwn(message, 'id') ? (message as { id: unknown }).id : 0
  return typeof id === 'number' && Number.isSafeInteger(id) && id > 0 ? id : 0
}

/** Throws LIMIT_EXCEEDED for a request that is too large to look at closely. Never recurses. */
function measure(root: unknown): void {
  let characters = 0
  let values = 0
  let level: unknown[] = [root]
  for (let depth = 0; level.length > 0; depth++) {
    if (depth > REQUEST_DEPTH_MAX) throw tooLarge(`it nests deeper than ${REQUEST_DEPTH_MAX} levels`)
    const next: unknown[] = []
    for (const value of level) {
      if (typeof value === 'string') characters += value.length
      else if (typeof value !== 'object' || value === null || ArrayBuffer.isView(value)) continue
      else if (Array.isArray(value)) {
        values += value.length
        // Numbers, most of what long arrays hold, need no second look.
        for (const item of value) if (typeof item !== 'number') next.push(item)
      } else {
        for (const [key, item] of Object.entries(value)) {
          characters += key.length
          values++
          next.push(item)
        }
      }
      if (characters > LIMITS.requestCharsMax) {
        throw tooLarge(`its texts hold more than ${LIMITS.requestCharsMax} characters`)
      }
      if (values > REQUEST_VALUES_MAX) throw tooLarge(`it holds more than ${REQUEST_VALUES_MAX} values`)
    }
    level = next
  }
}

function tooLarge(why: string): AppError {
  return new AppError({
    code: 'LIMIT_EXCEEDED',
    message: `The request is too large: ${why}. Nothing was done.`,
    remedy: 'Split it into several requests.',
  })
}

function invalid(what: string, issues: readonly v.BaseIssue<unknown>[]): AppError {
  const issue = issues[0]
  const path = issue?.path?.map((item) => String(item.key).slice(0, 64)).join('.') ?? ''
  const complaint = (issue?.message ?? 'unknown').slice(0, COMPLAINT_CHARS_MAX)
  return new AppError({
    code: 'INVALID_REQUEST',
    message: `${what}${path ? ` at "${path}"` : ''}: ${complaint}.`,
    detail: { path },
  })
}
