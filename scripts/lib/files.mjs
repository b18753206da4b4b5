import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** The repository's root. */
export const ROOT = join(dirname(fileURLToPath(import.meta.url)), '../..')
/** What scripts keep between runs; may be removed at any time. */
export const CACHE = join(ROOT, '.cache')

const SKIPPED = new Set(['node_modules', 'target', 'out', '.git', '.cache'])

/** SHA-256 over names and contents of files and folders below the root, in a fixed order. */
export function fingerprint(paths) {
  const hash = createHash('sha256')
  const visit = (path) => {
    const full = join(ROOT, path)
    if (!existsSync(full)) return
    if (statSync(full).isDirectory()) {
      for (const name of readdirSync(full).sort()) if (!SKIPPED.has(name)) visit(join(path, name))
    } else if (!path.endsWith('.node')) {
      hash.update(`${path.replaceAll('\\', '/')}\0`).update(readFileSync(full))
    }
  }
  for (const path of paths) visit(path)
  return hash.digest('hex')
}

/** What stood at the last success of a step: empty if it never ran. */
export function stamp(name) {
  const file = join(CACHE, `${name}.stamp`)
  return existsSync(file) ? readFileSync(file, 'utf8') : ''
}

export function setStamp(name, value) {
  mkdirSync(CACHE, { recursive: true })
  writeFileSync(join(CACHE, `${name}.stamp`), value)
}
