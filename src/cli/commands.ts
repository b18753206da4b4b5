import { deleteCommand, editCommand } from './change.ts'
import { clusterCommand } from './cluster.ts'
import { historyCommand, redoCommand, revertCommand, undoCommand } from './history.ts'
import { importCommand } from './import.ts'
import { infoCommand } from './info.ts'
import { mapCommand } from './map.ts'
import { queryCommand } from './query.ts'
import { compactCommand, repairCommand, restoreCommand, snapshotCommand, verifyCommand } from './safety.ts'
import { tuneCommand } from './tune.ts'

export interface Command {
  /** One line for the list of commands. */
  summary: string
  /** The whole help. */
  help: string
  /** Throws AppError; sets process.exitCode where a finding is not an error of the command. */
  run(argv: string[]): Promise<void>
}

export const COMMANDS: ReadonlyMap<string, Command> = new Map([
  ['import', importCommand],
  ['info', infoCommand],
  ['query', queryCommand],
  ['tune', tuneCommand],
  ['map', mapCommand],
  ['cluster', clusterCommand],
  ['edit', editCommand],
  ['delete', deleteCommand],
  ['history', historyCommand],
  ['undo', undoCommand],
  ['redo', redoCommand],
  ['revert', revertCommand],
  ['compact', compactCommand],
  ['snapshot', snapshotCommand],
  ['restore', restoreCommand],
  ['verify', verifyCommand],
  ['repair', repairCommand],
])

export function usage(name: string | undefined): string {
  const command = name === undefined ? undefined : COMMANDS.get(name)
  if (command) return command.help
  const list = [...COMMANDS].map(([word, { summary }]) => `  ${word.padEnd(8)} ${summary}`)
  return `omendb: vectors on your own disk\n\nUsage: omendb COMMAND [options]\n\n${list.join('\n')}

Each command takes --help, and --json for output that a program reads.
Exit status: 0 done, 1 something to mend in the call or the input (or damage that verify found), 2 the machine or the
store failed.\n`
}
