import { spawn } from 'node:child_process'
import { ROOT } from './files.mjs'

/**
 * Runs a program without a shell and collects what it prints.
 * `live`: also show it as it comes. Resolves to {code, out}; code is null when it cannot be started.
 */
export function run(command, args, { cwd = ROOT, env = {}, live = false, input } = {}) {
  return new Promise((resolve) => {
    const child = spawn(command, args, {
      cwd,
      env: { ...process.env, ...env },
      stdio: [input === undefined ? 'ignore' : 'pipe', 'pipe', 'pipe'],
      // npm is a .cmd file on Windows, which only a shell can start.
      shell: process.platform === 'win32' && command === 'npm',
    })
    let out = ''
    const take = (chunk, stream) => {
      out += chunk
      if (live) stream.write(chunk)
    }
    child.stdout.setEncoding('utf8').on('data', (chunk) => take(chunk, process.stdout))
    child.stderr.setEncoding('utf8').on('data', (chunk) => take(chunk, process.stderr))
    if (input !== undefined) child.stdin.end(input)
    child.on('error', (error) => resolve({ code: null, out: String(error) }))
    child.on('close', (code) => resolve({ code: code ?? 1, out }))
  })
}

/** The first line that a program prints, or null when it is not there. */
export async function version(command, args = ['--version']) {
  const { code, out } = await run(command, args)
  return code === 0 ? (out.trim().split('\n')[0] ?? '') : null
}
