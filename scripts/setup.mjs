#!/usr/bin/env node
import { main } from './lib/say.mjs'
import { setup } from './lib/setup.mjs'

if (process.argv.includes('--help')) {
  console.log(`npm run setup

Sets the project up and nothing else: npm packages from the lock file, the native engine, the front end,
the Electron runtime. Each step prints one line and is skipped when it is already done.`)
} else {
  await main(setup)
}
