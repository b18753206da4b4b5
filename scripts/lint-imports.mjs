#!/usr/bin/env node
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join, relative, resolve, sep } from 'node:path'
import { ROOT } from './lib/files.mjs'

/**
 * Proves that imports go one way (docs/ARCHITECTURE.md). TypeScript: by room, the first folder below src.
 * Rust: by crate, from the manifests. Prints one line per breach; exit status 1 if there is any.
 */

const NODE = /^node:/
const OUTSIDE = {
  electron: (name) => name === 'electron',
  node: (name) => NODE.test(name),
}

/** Room → rooms it may import besides itself, and what of Electron and Node it may use. */
export const ROOMS = {
  contract: { may: [], electron: false, node: false },
  engine: { may: ['contract'], electron: ['src/engine/utility.ts'], node: true },
  embedded: { may: ['contract', 'engine'], electron: false, node: true },
  cli: { may: ['contract', 'engine', 'embedded'], electron: false, node: true },
  main: { may: ['contract'], electron: true, node: true },
  preload: { may: ['contract'], electron: true, node: false },
  renderer: { may: ['contract'], electron: false, node: false },
}

/** Inside the renderer: part → parts it may import besides itself. */
export const RENDERER = {
  gl: [],
  ui: [],
  client: [],
  state: ['client', 'ui', 'gl'],
  features: ['client', 'state', 'ui', 'gl'],
  app: ['client', 'state', 'ui', 'gl', 'features'],
  'main.tsx': ['client', 'state', 'ui', 'app'],
}

/** Words that only one file may say: a raw door of Electron, the addon. */
export const SOLE = [
  { word: /\bipcMain\b/, files: ['src/main/shell-door.ts'] },
  { word: /\b(ipcRenderer|contextBridge|webUtils)\b/, files: ['src/preload/index.ts'] },
  { word: /\butilityProcess\b/, files: ['src/main/engine-host.ts'] },
  { word: /omendb\.node\b/, files: ['src/engine/addon.ts'] },
]

/** Crate → crates of ours that it may depend on. */
export const CRATES = {
  'omendb-distance': [],
  'omendb-ivf': ['omendb-distance'],
  'omendb-projection': ['omendb-distance'],
  'omendb-filter': [],
  'omendb-formats': [],
  'omendb-store': ['omendb-distance', 'omendb-ivf', 'omendb-projection', 'omendb-filter'],
  'omendb-ingest': ['omendb-formats', 'omendb-store'],
  'omendb-torture': ['omendb-store', 'omendb-damage'],
  'omendb-damage': ['omendb-store'],
  'omendb-fuzz': ['omendb-damage', 'omendb-filter', 'omendb-formats', 'omendb-ivf', 'omendb-store'],
  'omendb-napi': ['omendb-ingest', 'omendb-formats', 'omendb-store', 'omendb-distance'],
}

const breaches = []
const posix = (path) => path.split(sep).join('/')

for (const file of sources(join(ROOT, 'src'))) {
  const path = posix(relative(ROOT, file))
  const text = readFileSync(file, 'utf8')
  const room = path.split('/')[1]
  const rule = ROOMS[room]
  if (!rule) {
    breaches.push(`${path}: src/${room} is not a room; name it in scripts/lint-imports.mjs`)
    continue
  }
  for (const name of imports(text)) {
    if (name.startsWith('.')) checkOwn(path, file, room, rule, name)
    else checkOutside(path, rule, name)
  }
  const code = text.replace(/\/\*[\s\S]*?\*\/|\/\/[^\n]*/g, '')
  for (const { word, files } of SOLE) {
    if (word.test(code) && !files.includes(path))
      breaches.push(`${path}: only ${files.join(', ')} may name ${word.source}`)
  }
}
checkCrates()
checkThreads()

if (breaches.length > 0) {
  for (const breach of breaches) console.error(breach)
  console.error(`imports: ${breaches.length} against the architecture`)
  process.exitCode = 1
} else {
  console.log('imports: all go one way')
}

function checkOwn(path, file, room, rule, name) {
  const target = posix(relative(ROOT, resolve(dirname(file), name)))
  const [top, other, part] = target.split('/')
  if (top !== 'src') {
    const native = path === 'src/engine/addon.ts' && target === 'native/napi/index.d.ts'
    if (target !== 'package.json' && !native)
      breaches.push(`${path}: imports ${target}, which is outside src`)
    return
  }
  if (other !== room) {
    if (!rule.may.includes(other)) breaches.push(`${path}: ${room} may not import ${other} (${target})`)
    return
  }
  if (room !== 'renderer') return
  const own = path.split('/')[2]
  const allowed = RENDERER[own]
  if (!allowed) breaches.push(`${path}: renderer/${own} is not a part; name it in scripts/lint-imports.mjs`)
  else if (part !== own && !allowed.includes(part) && !/\.(css|woff2)$/.test(target)) {
    breaches.push(`${path}: renderer/${own} may not import renderer/${part} (${target})`)
  } else if (own === 'features' && part === 'features' && path.split('/')[3] !== target.split('/')[3]) {
    breaches.push(`${path}: a feature may not import another (${target})`)
  }
}

function checkOutside(path, rule, name) {
  const electron = rule.electron === true || (Array.isArray(rule.electron) && rule.electron.includes(path))
  if (OUTSIDE.electron(name) && !electron) breaches.push(`${path}: may not import electron`)
  if (OUTSIDE.node(name) && !rule.node) breaches.push(`${path}: may not import ${name}`)
}

function checkCrates() {
  const native = join(ROOT, 'native')
  const folders = [...readdirSync(join(native, 'crates')).map((name) => join('crates', name)), 'fuzz', 'napi']
  for (const folder of folders) {
    const manifest = join(native, folder, 'Cargo.toml')
    if (!existsSync(manifest)) continue
    const text = readFileSync(manifest, 'utf8')
    const name = /^name = "([^"]+)"/m.exec(text)?.[1] ?? folder
    const allowed = CRATES[name]
    if (!allowed) {
      breaches.push(`native/${folder}: ${name} is not a known crate; name it in scripts/lint-imports.mjs`)
      continue
    }
    // Only native/schedule, a workspace of its own, builds the store for the explorer of schedules.
    if (/features = \[[^\]]*"schedule"/.test(text))
      breaches.push(`native/${folder}: ${name} may not turn on the feature schedule`)
    const dependencies = /^\[dependencies\]\n([\s\S]*?)(?=^\[|(?![\s\S]))/m.exec(text)?.[1] ?? ''
    for (const [, dependency] of dependencies.matchAll(/^(omendb-[a-z]+)\b/gm)) {
      if (!allowed.includes(dependency))
        breaches.push(`native/${folder}: ${name} may not depend on ${dependency}`)
    }
  }
}

/** What threads share comes through one module, which the explorer of schedules puts its own things behind. */
function checkThreads() {
  const folder = join(ROOT, 'native/crates/store/src')
  for (const name of readdirSync(folder, { recursive: true })) {
    if (!name.endsWith('.rs') || name === 'sync.rs') continue
    const text = readFileSync(join(folder, name), 'utf8')
    const found = /\b(parking_lot|arc_swap|thread::(?:spawn|Builder)|sync::(?:Mutex|RwLock|Condvar))\b/.exec(
      text.replace(/crate::sync::[^;]*;/g, ''),
    )
    if (found) breaches.push(`native/crates/store/src/${name}: ${found[1]} comes from crate::sync`)
  }
}

function* sources(folder) {
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name)
    if (entry.isDirectory()) yield* sources(path)
    else if (/\.tsx?$/.test(entry.name)) yield path
  }
}

function imports(text) {
  const found = [...text.matchAll(/(?:\bfrom|\bimport)\s*\(?\s*['"]([^'"]+)['"]/g)]
  return found.map((match) => match[1])
}
