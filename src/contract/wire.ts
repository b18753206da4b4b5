import * as v from 'valibot'
import type { AppErrorData } from './errors.ts'
import type { EventName, Events } from './events.ts'
import type { Operation } from './operations.ts'
import type { Results } from './results.ts'

/** What travels on a port between a client and the engine. */

export const Request = v.object({
  id: v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(Number.MAX_SAFE_INTEGER)),
  op: v.pipe(v.string(), v.maxLength(64)),
  params: v.unknown(),
})
export type Request = v.InferOutput<typeof Request>

export type Reply<O extends Operation = Operation> =
  | { id: number; ok: true; value: Results[O] }
  | { id: number; ok: false; error: AppErrorData }

export type EventMessage<E extends EventName = EventName> = { [N in E]: { event: N; data: Events[N] } }[E]

export type FromEngine = Reply | EventMessage
