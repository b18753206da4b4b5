import { spawn } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { electronBinary } from './electron.mjs'
import { run, version } from './run.mjs'
import { done, StepFailed } from './say.mjs'

/** Screens for machines without one, and the shared libraries that Electron wants there. */

/** Debian's names, with the newer ones where they changed. */
const LIBRARIES = [
  ['libgtk-3-0', 'libgtk-3-0t64'],
  ['libnss3'],
  ['libasound2', 'libasound2t64'],
  ['libgbm1'],
  ['libxss1'],
]

export function hasDisplay() {
  return process.platform !== 'linux' || Boolean(process.env.DISPLAY || process.env.WAYLAND_DISPLAY)
}

/** Makes sure that Electron can be loaded; installs Debian packages as root, otherwise names them. */
export async function electronLibraries(dist) {
  if (process.platform !== 'linux') return
  const { out } = await run('ldd', [electronBinary(dist)])
  const missing = out.split('\n').filter((line) => line.includes('not found'))
  if (missing.length === 0) {
    done('shared libraries', 'already there')
    return
  }
  await install('shared libraries', LIBRARIES)
}

/** Starts a virtual screen; resolves to {display, stop}. */
export async function virtualDisplay({ width = 1920, height = 1080 } = {}) {
  if ((await version('Xvfb', ['-help'])) === null && (await run('which', ['Xvfb'])).code !== 0) {
    await install('virtual display', [['xvfb']])
  }
  return new Promise((resolve, reject) => {
    const server = spawn(
      'Xvfb',
      ['-displayfd', '3', '-screen', '0', `${width}x${height}x24`, '-nolisten', 'tcp'],
      {
        stdio: ['ignore', 'ignore', 'ignore', 'pipe'],
      },
    )
    const failed = () =>
      reject(
        new StepFailed(
          'virtual display',
          'Xvfb could not be started.',
          'Install the package xvfb, or set DISPLAY.',
        ),
      )
    server.once('error', failed)
    server.once('exit', failed)
    server.stdio[3].once('data', (number) => {
      server.off('exit', failed)
      const display = `:${String(number).trim()}`
      done('virtual display', display)
      resolve({ display, stop: () => server.kill() })
    })
    process.once('exit', () => server.kill())
  })
}

async function install(step, packages) {
  const names = packages.map(([name]) => name).join(' ')
  const debian = existsSync('/etc/debian_version')
  if (!debian || process.getuid?.() !== 0) {
    throw new StepFailed(
      step,
      `Something that Electron needs is not installed${debian ? '' : ' (the names are those of Debian)'}: ${names}`,
      debian ? `Run: sudo apt-get install ${names}` : "Install these with your system's package manager.",
    )
  }
  await run('apt-get', ['update'])
  for (const alternatives of packages) {
    let last = ''
    let installed = false
    for (const name of alternatives) {
      const { code, out } = await run('apt-get', ['install', '-y', '--no-install-recommends', name], {
        env: { DEBIAN_FRONTEND: 'noninteractive' },
      })
      last = out
      if (code === 0) {
        installed = true
        break
      }
    }
    if (!installed) {
      throw new StepFailed(
        step,
        `apt-get could not install ${alternatives[0]}.`,
        `Install it by hand, then again.`,
        last,
      )
    }
  }
  done(step, `installed ${names} (Debian ${readFileSync('/etc/debian_version', 'utf8').trim()})`)
}
