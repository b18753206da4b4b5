import { serve } from './serve.mjs'

/** Engines from npm; each is loaded alone. */

const engine = (file, name) => async () => new (await import(`./npm/${file}.mjs`))[name]()

await serve({
  'hnswlib-node': engine('hnswlib', 'Hnswlib'),
  'usearch-node': engine('usearch', 'Usearch'),
  lancedb: engine('lancedb', 'LanceHnsw'),
  'lancedb-rq': engine('lancedb', 'LanceRq'),
  'sqlite-vec': engine('sqlite', 'SqliteVec'),
})
