import type { Operation } from '../../contract/index.ts'
import type { Handlers } from '../context.ts'
import { clusterOperations } from './cluster.ts'
import { collectionOperations } from './collection.ts'
import { historyOperations } from './history.ts'
import { importOperations } from './import.ts'
import { jobOperations } from './jobs.ts'
import { mapOperations } from './map.ts'
import { rowOperations } from './rows.ts'
import { safetyOperations } from './safety.ts'
import { searchOperations } from './search.ts'
import { storeOperations } from './store.ts'
import { tableOperations } from './table.ts'

/** Every operation of the contract; the type makes a missing one an error. */
export const handlers: Handlers<Operation> = {
  ...storeOperations,
  ...historyOperations,
  ...safetyOperations,
  ...collectionOperations,
  ...clusterOperations,
  ...importOperations,
  ...tableOperations,
  ...rowOperations,
  ...searchOperations,
  ...mapOperations,
  ...jobOperations,
}
