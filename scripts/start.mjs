#!/usr/bin/env node
import { spawn } from 'node:child_process'
import { electronLibraries, hasDisplay, virtualDisplay } from './lib/display.mjs'
import { electronBinary } from './lib/electron.mjs'
import { ROOT } from './lib/files.mjs'
import { main, note } from './lib/say.mjs'
import { setup } from './lib/setup.mjs'

const HELP = `npm start [-- --tour]

Sets the project up (see npm run setup), then opens the app.
On a machine without a display it takes a virtual one, runs the main job there on the sample, prints what
happened, writes screenshots to screenshots/tour, and exits.

  --tour   run the main job on the sample and exit, also where there is a display`

async function start() {
  const dist = await setup()
  await electronLibraries(dist)
  if (hasDisplay() && !process.argv.includes('--tour')) {
    await open(dist)
    return
  }
  let screen = null
  if (!hasDisplay()) {
    note('display', 'this machine has none: taking a virtual one and running the main job on the sample')
    screen = await virtualDisplay()
    process.env.DISPLAY = screen.display
  }
  try {
    const { tour } = await import('./lib/tour.mjs')
    await tour(dist)
  } finally {
    screen?.stop()
  }
}

function open(dist) {
  // As root Chromium refuses its sandbox; nobody else is ever started without it.
  const args = process.getuid?.() === 0 ? ['--no-sandbox', ROOT] : [ROOT]
  return new Promise((resolve) => {
    const app = spawn(electronBinary(dist), args, { stdio: 'inherit', cwd: ROOT })
    app.on('close', (code) => {
      process.exitCode = code ?? 1
      resolve()
    })
  })
}

if (process.argv.includes('--help')) console.log(HELP)
else await main(start)
