#!/usr/bin/env node
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { electronLibraries, hasDisplay, virtualDisplay } from './lib/display.mjs'
import { ROOT } from './lib/files.mjs'
import { run } from './lib/run.mjs'
import { done, main, StepFailed, seconds } from './lib/say.mjs'
import { setup } from './lib/setup.mjs'

const HELP = `npm test [-- SUITE ...]

Sets the project up, then runs every suite, or those named:
  rust      cargo test, clippy, rustfmt
  fuzz      every parser: 60 s where its sources changed since it last passed, else the kept inputs
  threads   schedules of the store's threads (shuttle, loom)
  static    type check, lint, import directions, rules of docs/SPEC.md that have no test
  unit      vitest
  e2e       Playwright on the real app (a virtual display is taken where there is none)
The last line is "N passed, N failed" over all of them.`

const NATIVE = join(ROOT, 'native')
const scratch = mkdtempSync(join(tmpdir(), 'omendb-test-'))
const total = { passed: 0, failed: 0 }

function count(suite, passed, failed, since, log = '') {
  total.passed += passed
  total.failed += failed
  if (failed > 0) {
    if (log) console.log(log.trimEnd().split('\n').slice(-200).join('\n'))
    console.log(`fail  ${suite.padEnd(20)} ${passed} passed, ${failed} failed in ${seconds(since)}`)
  } else {
    done(suite, `${passed} passed in ${seconds(since)}`)
  }
}

/** A check that passes or fails as a whole. */
async function check(suite, command, args, options) {
  const since = performance.now()
  const { code, out } = await run(command, args, options)
  count(suite, code === 0 ? 1 : 0, code === 0 ? 0 : 1, since, out)
}

/** Adds up what `cargo test` said. */
function countCargo(suite, code, out, since) {
  let passed = 0
  let failed = 0
  for (const [, ok, bad] of out.matchAll(/^test result: \w+\. (\d+) passed; (\d+) failed/gm)) {
    passed += Number(ok)
    failed += Number(bad)
  }
  // A crash or a build error has no result line of its own.
  if (code !== 0 && failed === 0) failed = 1
  count(suite, passed, failed, since, out.replace(/^test .* \.\.\. ok\n/gm, ''))
}

const bin = (path) => join(ROOT, 'node_modules', path)

const SUITES = {
  async rust() {
    const since = performance.now()
    const { code, out } = await run(
      'cargo',
      ['test', '--release', '--workspace', '--locked', '--no-fail-fast'],
      {
        cwd: NATIVE,
      },
    )
    countCargo('cargo test', code, out, since)
    await check(
      'clippy',
      'cargo',
      ['clippy', '--release', '--workspace', '--all-targets', '--locked', '--', '-D', 'warnings'],
      {
        cwd: NATIVE,
      },
    )
    await check('rustfmt', 'cargo', ['fmt', '--all', '--check'], { cwd: NATIVE })
  },
  /** In a workspace of its own: the store is built anew there, with the threads of the explorer. */
  async threads() {
    const cwd = join(NATIVE, 'schedule')
    for (const [suite, ...files] of [
      ['schedule', 'schedules', 'races'],
      ['loom', 'handshakes'],
    ]) {
      const since = performance.now()
      const tests = files.flatMap((file) => ['--test', file])
      const args = ['test', '--release', '--locked', '--no-fail-fast', ...tests]
      const { code, out } = await run('cargo', args, { cwd })
      countCargo(suite, code, out, since)
    }
    const lints = ['clippy', '--release', '--all-targets', '--locked', '--', '-D', 'warnings']
    await check('clippy, schedule', 'cargo', lints, { cwd })
    await check('rustfmt, schedule', 'cargo', ['fmt', '--check'], { cwd })
  },
  async fuzz() {
    const since = performance.now()
    const { code, out } = await run(process.execPath, [join(ROOT, 'scripts/fuzz.mjs')])
    const [, passed = 0, failed = 0] = /^(\d+) passed, (\d+) failed$/m.exec(out) ?? []
    count('fuzz', Number(passed), code !== 0 && Number(failed) === 0 ? 1 : Number(failed), since, out)
  },
  async static() {
    await check('type check', process.execPath, [bin('typescript/bin/tsc'), '-p', ROOT])
    await check('lint', process.execPath, [
      bin('@biomejs/biome/bin/biome'),
      'check',
      '--error-on-warnings',
      ROOT,
    ])
    await check('import directions', process.execPath, [join(ROOT, 'scripts/lint-imports.mjs')])
    await check('spec rules', process.execPath, [join(ROOT, 'scripts/lint-spec.mjs')])
  },
  async unit() {
    const since = performance.now()
    const report = join(scratch, 'vitest.json')
    const { code, out } = await run(process.execPath, [
      bin('vitest/vitest.mjs'),
      'run',
      '--reporter=default',
      '--reporter=json',
      `--outputFile.json=${report}`,
    ])
    const { numPassedTests = 0, numFailedTests = 0 } = readJson(report)
    const failed = code !== 0 && numFailedTests === 0 ? 1 : numFailedTests
    count('vitest', numPassedTests, failed, since, out)
  },
  async e2e(dist) {
    const since = performance.now()
    const report = join(scratch, 'playwright.json')
    await electronLibraries(dist)
    const screen = hasDisplay() ? null : await virtualDisplay()
    try {
      const { code, out } = await run(
        process.execPath,
        [bin('@playwright/test/cli.js'), 'test', '-c', 'test/e2e/playwright.config.ts'],
        {
          env: {
            ELECTRON_OVERRIDE_DIST_PATH: dist,
            PLAYWRIGHT_JSON_OUTPUT_NAME: report,
            ...(screen ? { DISPLAY: screen.display } : {}),
          },
        },
      )
      const { expected = 0, unexpected = 0, flaky = 0 } = readJson(report).stats ?? {}
      const failed = unexpected + flaky
      count('playwright', expected, code !== 0 && failed === 0 ? 1 : failed, since, out)
    } finally {
      screen?.stop()
    }
  },
}

function readJson(path) {
  try {
    return JSON.parse(readFileSync(path, 'utf8'))
  } catch {
    return {}
  }
}

async function test() {
  const named = process.argv.slice(2)
  const unknown = named.filter((name) => !(name in SUITES))
  if (unknown.length > 0) {
    throw new StepFailed(
      'suites',
      `There is no suite called ${unknown.join(', ')}.`,
      'See npm test -- --help.',
    )
  }
  const dist = await setup({ tests: true })
  for (const [name, suite] of Object.entries(SUITES)) {
    if (named.length === 0 || named.includes(name)) await suite(dist)
  }
  if (total.failed > 0) process.exitCode = 1
}

if (process.argv.includes('--help')) {
  console.log(HELP)
} else {
  await main(test)
  rmSync(scratch, { recursive: true, force: true })
  if (process.exitCode && total.failed === 0) total.failed = 1
  console.log(`${total.passed} passed, ${total.failed} failed`)
}
