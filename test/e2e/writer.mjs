import { createInterface } from 'node:readline'
import { open } from '../../out/node/index.js'

// Another program that writes a store: opens the one that is named, says "open", and does what it is told, a line each.
const db = await open(process.argv[2] ?? '', { create: false })
const [first] = await db.collections()
const collection = db.collection(first.name)
const dimension = first.vectors[0].dimension
console.log('open')
for await (const line of createInterface({ input: process.stdin })) {
  const [what, id] = line.split(' ')
  if (what === 'add') await collection.add([{ id, vector: new Float32Array(dimension).fill(0.5) }])
  if (what === 'close') break
  console.log('done')
}
await db.close()
