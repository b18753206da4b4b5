import { copyFileSync, existsSync, mkdirSync, renameSync } from 'node:fs'
import { join } from 'node:path'
import { electronDist } from './electron.mjs'
import { fingerprint, ROOT, setStamp, stamp } from './files.mjs'
import { run, version } from './run.mjs'
import { done, StepFailed, seconds } from './say.mjs'

/** The steps from a fresh clone to a built app. Each is skipped when what it reads has not changed. */

const NODE_FLOOR = [20, 19]
export const ADDON = join(ROOT, 'native/napi/omendb.node')

/**
 * Runs all steps; resolves to the folder of the Electron runtime. `tests`: where the engine has to be built, build its
 * tests in the same run, since cargo resolves the features of dependencies anew for them and would build those twice.
 */
export async function setup({ tests = false } = {}) {
  await prerequisites()
  await packages()
  await addon(tests)
  await frontEnd()
  return electronDist()
}

async function prerequisites() {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number)
  if (major < NODE_FLOOR[0] || (major === NODE_FLOOR[0] && minor < NODE_FLOOR[1])) {
    throw new StepFailed(
      'prerequisites',
      `Node ${process.versions.node} is too old; ${NODE_FLOOR.join('.')} or later is needed.`,
      'Install a current Node from nodejs.org, or with your version manager.',
    )
  }
  const npm = await version('npm')
  if (npm === null)
    throw new StepFailed('prerequisites', 'npm is not on the PATH.', 'It comes with Node: reinstall Node.')
  const cargo = await version('cargo')
  if (cargo === null) {
    throw new StepFailed(
      'prerequisites',
      'cargo is not on the PATH.',
      'Install Rust from rustup.rs, then open a new terminal.',
    )
  }
  if (process.platform !== 'win32' && (await version('cc')) === null) {
    throw new StepFailed(
      'prerequisites',
      'There is no linker: cc is not on the PATH.',
      process.platform === 'darwin'
        ? 'Run: xcode-select --install'
        : 'Install gcc (Debian: apt-get install gcc libc6-dev).',
    )
  }
  done('prerequisites', `Node ${process.versions.node}, npm ${npm}, ${cargo.split(' (')[0]}`)
}

async function packages() {
  const wanted = fingerprint(['package.json', 'package-lock.json'])
  if (stamp('packages') === wanted && existsSync(join(ROOT, 'node_modules/electron/package.json'))) {
    done('npm packages', 'up to date')
    return
  }
  const since = performance.now()
  // Not `npm ci`: it refuses a lock file without the optional packages of platforms that a registry does not carry.
  const { code, out } = await run('npm', [
    'install',
    '--no-save',
    '--ignore-scripts',
    '--no-audit',
    '--no-fund',
    '--loglevel=error',
  ])
  if (code !== 0) {
    throw new StepFailed(
      'npm packages',
      'npm could not install the packages.',
      'Check the network and the message above, then run it again.',
      out,
    )
  }
  setStamp('packages', wanted)
  done('npm packages', `installed from the lock file in ${seconds(since)}`)
}

async function addon(tests) {
  const wanted = fingerprint(['native'])
  if (stamp('addon') === wanted && existsSync(ADDON)) {
    done('native engine', 'up to date')
    return
  }
  const since = performance.now()
  const { code, out } = await run(
    'cargo',
    ['build', '--release', '--locked', '--workspace', ...(tests ? ['--lib', '--tests'] : [])],
    {
      cwd: join(ROOT, 'native'),
    },
  )
  if (code !== 0) {
    throw new StepFailed(
      'native engine',
      'The Rust build failed.',
      'Run `rustup update` if the compiler is older than 1.90; otherwise see the message above.',
      out,
    )
  }
  const built = { linux: 'libomendb_napi.so', darwin: 'libomendb_napi.dylib', win32: 'omendb_napi.dll' }[
    process.platform
  ]
  // Copied beside, then renamed: a running engine keeps the file that it has mapped.
  copyFileSync(join(ROOT, 'native/target/release', built ?? 'libomendb_napi.so'), `${ADDON}.tmp`)
  renameSync(`${ADDON}.tmp`, ADDON)
  setStamp('addon', wanted)
  done('native engine', `built in ${seconds(since)}`)
}

async function frontEnd() {
  const wanted = fingerprint([
    'src',
    'electron.vite.config.ts',
    'vite.node.config.ts',
    'tsconfig.json',
    'package-lock.json',
  ])
  if (stamp('front-end') === wanted && existsSync(join(ROOT, 'out/renderer/index.html'))) {
    done('front end', 'up to date')
    return
  }
  const since = performance.now()
  mkdirSync(join(ROOT, 'out'), { recursive: true })
  for (const [tool, args] of [
    ['electron-vite/bin/electron-vite.js', ['build', '--logLevel', 'warn']],
    ['vite/bin/vite.js', ['build', '-c', 'vite.node.config.ts', '--logLevel', 'warn']],
  ]) {
    const { code, out } = await run(process.execPath, [join(ROOT, 'node_modules', tool), ...args], {
      // The bundler asks the electron package for its version alone.
      env: { NODE_ENV: 'production' },
    })
    if (code !== 0) {
      throw new StepFailed('front end', `${tool.split('/')[0]} failed.`, 'See the message above.', out)
    }
  }
  setStamp('front-end', wanted)
  done('front end', `built in ${seconds(since)}`)
}
