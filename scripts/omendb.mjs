#!/usr/bin/env node
import { existsSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'

// The command's door: the built command line, or a word on how to build it.
const built = join(dirname(fileURLToPath(import.meta.url)), '../out/node/cli.js')
if (existsSync(built)) {
  await import(pathToFileURL(built).href)
} else {
  console.error('omendb is not built yet. Run `npm run setup` in the repository first.')
  process.exitCode = 2
}
