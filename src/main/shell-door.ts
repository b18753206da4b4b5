import { ipcMain, type WebContents } from 'electron'
import * as v from 'valibot'
import { AppError, SHELL_CHANNEL, type ShellCall, type ShellResults, shellCalls } from '../contract/index.ts'

/**
 * The one door from pages to the main process, and the only file that names ipcMain. It checks the sender, the
 * name, the size and the shape of each message before a handler sees it.
 */

export type ShellHandlers = {
  [C in ShellCall]: (
    sender: WebContents,
    ...args: v.InferOutput<(typeof shellCalls)[C]>
  ) => Promise<ShellResults[C]> | ShellResults[C]
}

/** Characters of one message's arguments as JSON. */
const ARGUMENT_CHARS_MAX = 64 * 1_024

export interface ShellDoor {
  handlers: ShellHandlers
  /** For files whose path the preload read from a real drop. */
  dropped: (path: string) => Promise<ShellResults['sample']>
  /** The page asks for a port to the engine. */
  connect: (sender: WebContents) => void
  trusted: (sender: WebContents, frame: Electron.WebFrameMain | null) => boolean
}

export function openShellDoor(door: ShellDoor): void {
  const known = new Map(Object.entries(door.handlers))
  const schemas = new Map<string, v.GenericSchema>(Object.entries(shellCalls))

  ipcMain.handle(SHELL_CHANNEL, async (event, call: unknown, args: unknown) => {
    try {
      if (!door.trusted(event.sender, event.senderFrame)) throw refused('the sender is not the app')
      if (call === 'dropped') {
        const [path] = v.parse(v.tuple([v.pipe(v.string(), v.minLength(1), v.maxLength(32_768))]), args)
        return { ok: true, value: await door.dropped(path) }
      }
      const handler = typeof call === 'string' ? known.get(call) : undefined
      const schema = typeof call === 'string' ? schemas.get(call) : undefined
      if (!handler || !schema) throw refused('no such call')
      if ((JSON.stringify(args) ?? '').length > ARGUMENT_CHARS_MAX) throw refused('the message is too large')
      const parsed = v.safeParse(schema, args)
      if (!parsed.success) throw refused(v.summarize(parsed.issues))
      const run = handler as (sender: WebContents, ...args: unknown[]) => unknown
      return { ok: true, value: await run(event.sender, ...(parsed.output as unknown[])) }
    } catch (error) {
      return { ok: false, error: AppError.from(error).toData() }
    }
  })

  ipcMain.on(SHELL_CHANNEL, (event) => {
    if (door.trusted(event.sender, event.senderFrame)) door.connect(event.sender)
  })
}

function refused(why: string): AppError {
  return new AppError({ code: 'INVALID_REQUEST', message: `The message was refused: ${why}.` })
}
