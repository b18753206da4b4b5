import { writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { pathToFileURL } from 'node:url'
import { floats, ints, readSet } from '../ann/set.mjs'

/** A map maker from npm in a process of its own, driven by lines of JSON, see bench/umap.mjs. */

const [, , name, modules] = process.argv
const K = 15
const OTHERS = K - 1
const EPOCHS = 200
const require = createRequire(join(modules, 'none.js'))

/** What a maker makes of vectors, or of given neighbours. */
const MAKERS = {
  async 'embedding-atlas'({ dim, rows, metric, base }, given) {
    const { createUMAP, createUMAPFromKNN } = await import(
      pathToFileURL(join(modules, 'node_modules/embedding-atlas/dist/umap.js'))
    )
    const options = { nEpochs: EPOCHS, minDist: 0.1, spread: 1 }
    const kind = metric === 'cosine' ? 'cosine' : 'euclidean'
    return async () => {
      const umap = given
        ? await createUMAPFromKNN(rows, 2, given.ids, given.distances, options)
        : await createUMAP(rows, dim, 2, base, { ...options, nNeighbors: K, metric: kind })
      await umap.run()
      const xy = Float32Array.from(umap.embedding)
      umap.destroy()
      return xy
    }
  },
  async 'umap-js'({ dim, rows, metric, base }, given) {
    const { UMAP } = require('umap-js')
    const cosine = (a, b) => {
      let [ab, aa, bb] = [0, 0, 0]
      for (let i = 0; i < a.length; i += 1) {
        ab += a[i] * b[i]
        aa += a[i] * a[i]
        bb += b[i] * b[i]
      }
      return 1 - ab / Math.sqrt(aa * bb)
    }
    const list = (values, wide, own) =>
      Array.from({ length: rows }, (_, i) => [...own(i), ...values.subarray(i * wide, (i + 1) * wide)])
    const vectors = list(base, dim, () => [])
    const options = { nNeighbors: K, nEpochs: EPOCHS, minDist: 0.1, spread: 1 }
    const graph = given && [list(given.ids, OTHERS, (i) => [i]), list(given.distances, OTHERS, () => [0])]
    return () => {
      const umap = new UMAP(metric === 'cosine' ? { ...options, distanceFn: cosine } : options)
      if (graph) umap.setPrecomputedKNN(...graph)
      return Float32Array.from(umap.fit(vectors).flat())
    }
  },
}

let set
async function answer({ op, set: path, folder, given, out }) {
  if (op === 'open') {
    set = readSet(path)
    set.base = floats(join(path, 'base.f32'))
    return {}
  }
  if (op === 'warm') return { seconds: 0 }
  const knn = given && {
    ids: ints(join(folder, 'knn.i32')),
    distances: floats(join(folder, 'knn.f32')),
  }
  const run = await MAKERS[name](set, knn)
  const start = performance.now()
  const xy = await run()
  const seconds = (performance.now() - start) / 1000
  writeFileSync(out, new Uint8Array(xy.buffer, xy.byteOffset, xy.byteLength))
  return { seconds }
}

for await (const line of createInterface({ input: process.stdin })) {
  let said
  try {
    said = await answer(JSON.parse(line))
  } catch (error) {
    said = { error: error.message }
  }
  process.stdout.write(`${JSON.stringify(said)}\n`)
}
