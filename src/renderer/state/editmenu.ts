import type { MenuCommand } from '../../contract/index.ts'
import { shell } from '../client/shell.ts'
import { isTyping } from '../ui/keys.ts'
import { lastGone, recentPast, useRecent } from './recent.ts'
import { collectionOf, useView, whyNotNow } from './view.ts'
import { entryTitle, redone } from './words.ts'

/** Undo and Redo of the system's Edit menu: told by their words, and meant for a field where one is typing. */

export interface Ways {
  undo: string | null
  redo: string | null
}

const NOTHING: Ways = { undo: null, redo: null }

/** What undo and redo would do to the open collection, in words; null: nothing, or not now. */
export function waysNow(): Ways {
  const view = useView.getState()
  const collection = collectionOf(view)
  if (whyNotNow(view) !== null) return NOTHING
  const past = recentPast()
  if (!collection) {
    const gone = lastGone()
    if (!gone) return NOTHING
    const title = entryTitle(gone.kind === 'drop' ? gone : redone(gone, past), past)
    return gone.kind === 'drop' ? { undo: title, redo: null } : { undo: null, redo: title }
  }
  const { undo, redo } = collection
  return {
    undo: undo && entryTitle(undo, past),
    redo: redo && entryTitle(redone(redo, past), past),
  }
}

/** Keeps the menu's words as the view says, and hears what is chosen there. Returns the way to stop. */
export function startEditMenu(run: (command: MenuCommand) => void): () => void {
  let shown = ''
  const tell = () => {
    const ways = waysNow()
    const text = JSON.stringify(ways)
    if (text === shown) return
    shown = text
    void shell('editMenu', ways).catch(() => undefined)
  }
  tell()
  const stops = [
    useView.subscribe(tell),
    useRecent.subscribe(tell),
    window.omendb.onMenu((command) => {
      // The only way to a field's own undo from a page.
      if (isTyping(document.activeElement)) document.execCommand(command)
      else run(command)
    }),
  ]
  return () => {
    for (const stop of stops) stop()
  }
}
