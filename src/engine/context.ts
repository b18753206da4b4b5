import type { Operation, ParsedParams, Results } from '../contract/index.ts'
import type { Changes } from './changes.ts'
import type { GrantMap } from './grants.ts'
import type { Emit, Jobs } from './jobs/jobs.ts'
import type { Sessions } from './sessions.ts'

/** What an operation works with. */
export interface Context {
  grants: GrantMap
  sessions: Sessions
  jobs: Jobs
  changes: Changes
  emit: Emit
}

export type Handler<O extends Operation> = (
  params: ParsedParams<O>,
  context: Context,
) => Results[O] | Promise<Results[O]>

/** One handler for each of some operations. */
export type Handlers<O extends Operation> = { [N in O]: Handler<N> }
