#!/usr/bin/env node
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { ROOT } from './lib/files.mjs'

/**
 * Each rule of docs/SPEC.md (a list item that begins with an id in bold, such as **[W1]**) must be quoted by a test
 * that carries the id, as `[W1]` in a test's name or in a comment right above it; and no test may quote a rule that does not exist.
 */

const RULE = /^- \*\*\[([A-Z]+\d+)\]\*\*/gm
const QUOTE = /\[([A-Z]{1,3}\d+)\]/g
const PLACES = ['test', 'native/crates', 'native/napi', 'native/schedule']

const rules = new Set(
  [...readFileSync(join(ROOT, 'docs/SPEC.md'), 'utf8').matchAll(RULE)].map((match) => match[1]),
)
const quoted = new Map()
for (const place of PLACES) for (const file of files(join(ROOT, place))) collect(file)

const missing = [...rules].filter((rule) => !quoted.has(rule))
const unknown = [...quoted].filter(([rule]) => !rules.has(rule))
for (const rule of missing) console.error(`docs/SPEC.md: rule ${rule} has no test`)
for (const [rule, file] of unknown)
  console.error(`${file}: quotes rule ${rule}, which docs/SPEC.md does not have`)
if (rules.size === 0) console.error('docs/SPEC.md: no rules found')
if (missing.length + unknown.length > 0 || rules.size === 0) process.exitCode = 1
else console.log(`spec: ${rules.size} rules, each with a test`)

function collect(file) {
  for (const line of readFileSync(file, 'utf8').split('\n')) {
    // Rules are quoted in prose (comments, test names), not in code, where brackets mean other things.
    if (!/\/\/|\btest\(|\bit\(|\bdescribe\(/.test(line)) continue
    for (const [, rule] of line.matchAll(QUOTE))
      if (!quoted.has(rule)) quoted.set(rule, file.slice(ROOT.length + 1))
  }
}

function* files(folder) {
  let entries = []
  try {
    entries = readdirSync(folder, { withFileTypes: true })
  } catch {
    return
  }
  for (const entry of entries) {
    const path = join(folder, entry.name)
    if (entry.isDirectory() && entry.name !== 'target') yield* files(path)
    else if (/\.(ts|tsx|rs|mjs)$/.test(entry.name)) yield path
  }
}
