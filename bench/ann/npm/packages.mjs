import { createRequire } from 'node:module'
import { fileURLToPath } from 'node:url'

/** Loads what is installed into .cache/bench/npm. */
export const use = createRequire(
  fileURLToPath(new URL('../../../.cache/bench/npm/package.json', import.meta.url)),
)
