import { StepFailed } from '../../scripts/lib/say.mjs'

/** What a part of the bench may be asked for. */

export const PYTHON = [
  'hnswlib',
  'faiss-hnsw',
  'faiss-flat',
  'usearch-bf16',
  'symqg',
  'rabitq-hnsw',
  'scann',
  'scann-soar',
  'qdrant-edge',
]
export const NPM = ['hnswlib-node', 'usearch-node', 'lancedb', 'lancedb-rq', 'sqlite-vec']
/** Map makers. */
export const MAPS = ['umap-learn', 'embedding-atlas', 'umap-js']
export const SETS = [
  'synth100k',
  'glove',
  'mnist',
  'synth1m',
  'synth384',
  'synth1536',
  'synth10k',
  'synth5m',
  'glove10k',
]
/** The smallest set has no more. */
const MAX_QUERIES = 500
const HELP = 'See npm run bench -- --help.'

/**
 * Reads `--sets`, `--peers`, `--queries` and `--fresh` where `defaults` has them, and `--write`. `--rounds` is read by
 * scripts/bench.mjs.
 */
export function options(args, defaults) {
  const chosen = { write: false, ...defaults }
  for (let at = 0; at < args.length; at += 1) {
    const name = args[at].replace(/^--/, '')
    if (args[at] === '--rounds') at += 1
    else if (args[at] === name || !(name in chosen)) {
      throw new StepFailed('options', `There is no option ${args[at]}.`, HELP)
    } else if (typeof chosen[name] === 'boolean') chosen[name] = true
    else {
      at += 1
      chosen[name] = name === 'queries' ? Number(args[at]) : (args[at] ?? '').split(',')
    }
  }
  known(chosen, 'sets', SETS)
  known(chosen, 'peers', chosen.known ?? [...PYTHON, ...NPM])
  const { queries } = chosen
  if (queries !== undefined && !(Number.isInteger(queries) && queries >= 1 && queries <= MAX_QUERIES)) {
    throw new StepFailed('options', `--queries is a number from 1 to ${MAX_QUERIES}.`, HELP)
  }
  return chosen
}

function known(chosen, what, names) {
  const unknown = (chosen[what] ?? []).filter((name) => !names.includes(name))
  if (unknown.length === 0) return
  const cause = `There is no ${unknown.join(', ')} among the ${what}.`
  throw new StepFailed('options', cause, `One of: ${names.join(', ')}`)
}
