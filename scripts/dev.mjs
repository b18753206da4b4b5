#!/usr/bin/env node
import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { electronBinary } from './lib/electron.mjs'
import { ROOT } from './lib/files.mjs'
import { main } from './lib/say.mjs'
import { setup } from './lib/setup.mjs'

const HELP = `npm run dev

Sets the project up, then opens the app on a development server: changes of the page show at once.
Changes of the engine or of Rust code need a restart.`

async function dev() {
  const dist = await setup()
  const args = ['dev', ...(process.getuid?.() === 0 ? ['--noSandbox'] : [])]
  const child = spawn(
    process.execPath,
    [join(ROOT, 'node_modules/electron-vite/bin/electron-vite.js'), ...args],
    {
      cwd: ROOT,
      stdio: 'inherit',
      env: { ...process.env, ELECTRON_EXEC_PATH: electronBinary(dist) },
    },
  )
  await new Promise((resolve) => child.on('close', resolve))
}

if (process.argv.includes('--help')) console.log(HELP)
else await main(dev)
