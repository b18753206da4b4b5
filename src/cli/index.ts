import { AppError, type ErrorCode, faultOf } from '../contract/index.ts'
import { COMMANDS, usage } from './commands.ts'

/** The `omendb` command: the engine without a window. */

/** Exit status: the person can mend it, or the machine is at fault. */
const PERSON = 1
const MACHINE = 2
/** Codes that are the environment's by kind, but a slip of the hand by cause. */
const SLIPS: ReadonlySet<ErrorCode> = new Set(['FILE_NOT_FOUND'])

async function main(argv: string[]): Promise<void> {
  const [name, ...rest] = argv
  if (name === undefined || name === '--help' || name === '-h' || name === 'help') {
    process.stdout.write(usage(rest[0]))
    return
  }
  const command = COMMANDS.get(name)
  if (!command) {
    throw new AppError({
      code: 'INVALID_REQUEST',
      message: `There is no command "${name}".`,
      remedy: 'Run "omendb --help" for the list.',
    })
  }
  if (rest.includes('--help') || rest.includes('-h')) process.stdout.write(usage(name))
  else await command.run(rest)
}

// A reader that has seen enough (`omendb query … | head`) closes the pipe; that is no error.
process.stdout.on('error', (error: NodeJS.ErrnoException) =>
  process.exit(error.code === 'EPIPE' ? 0 : MACHINE),
)

main(process.argv.slice(2)).then(
  () => process.exit(process.exitCode ?? 0),
  (thrown: unknown) => {
    const { code, message, remedy } = AppError.from(thrown)
    process.stderr.write(`omendb: ${message} [${code}]\n${remedy ? `        ${remedy}\n` : ''}`)
    process.exit(faultOf(code) === 'input' || SLIPS.has(code) ? PERSON : MACHINE)
  },
)
