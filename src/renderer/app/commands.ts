import { AppError } from '../../contract/index.ts'
import { applyFilter, clearSearch, findSimilar, runSearch } from '../state/actions.ts'
import { waysNow } from '../state/editmenu.ts'
import { useTheme } from '../state/theme.ts'
import { collectionOf, type Pane } from '../state/view.ts'
import { isOpen, isTyping, matches } from '../ui/keys.ts'
import { type Attempt, type Command, focus, inCollection, view } from './command.ts'
import { rowCommands } from './row-commands.ts'
import { storeCommands } from './store-commands.ts'

export type { Command } from './command.ts'

interface Hooks {
  openPalette: () => void
  openSheet: () => void
  onError: (error: AppError) => void
}

/** Everything that can be done, once: the palette lists it, the keyboard runs it, the sheet explains it. */
export function commands({ openPalette, openSheet, onError }: Hooks): Command[] {
  const attempt: Attempt = (work) => () => {
    work().catch((thrown: unknown) => onError(AppError.from(thrown)))
  }
  const maximize = (pane: Pane, title: string): Command => ({
    id: `whole-${pane}`,
    title: `${title}: use the whole window, or give it back`,
    group: 'Window',
    ready: inCollection,
    run: () => view().setMaximized(view().maximized === pane ? null : pane),
  })
  return [
    {
      id: 'palette',
      title: 'Find a command',
      group: 'Go',
      keys: 'Mod+K',
      ready: () => true,
      run: openPalette,
    },
    {
      id: 'view-store',
      title: 'Store',
      group: 'Go',
      keys: '1',
      ready: () => true,
      run: () => view().setScreen('store'),
    },
    {
      id: 'view-map',
      title: 'Map',
      group: 'Go',
      keys: '2',
      ready: inCollection,
      run: () => view().setScreen('map'),
    },
    {
      id: 'view-table',
      title: 'Table',
      group: 'Go',
      keys: '3',
      ready: inCollection,
      run: () => view().setScreen('table'),
    },
    {
      id: 'view-history',
      title: 'History',
      group: 'Go',
      keys: '4',
      ready: () => view().store !== null,
      run: () => view().setScreen('history'),
    },
    {
      id: 'view-jobs',
      title: 'Jobs',
      group: 'Go',
      keys: '5',
      ready: () => true,
      run: () => view().setScreen('jobs'),
    },
    {
      id: 'query',
      title: 'Write a query',
      group: 'Query',
      keys: '/',
      ready: inCollection,
      run: () => {
        if (view().screen !== 'map' && view().screen !== 'table') view().setScreen('map')
        // At once where it can be: what is typed next belongs to the field.
        if (document.querySelector('[data-query]')) focus('[data-query]')
        else requestAnimationFrame(() => focus('[data-query]'))
      },
    },
    {
      id: 'similar',
      title: 'Find rows similar to the chosen one',
      group: 'Query',
      keys: 'F',
      ready: () => inCollection() && (view().active ?? view().hover) !== null,
      run: attempt(async () => {
        const row = view().active ?? view().hover
        if (row !== null) await findSimilar(row)
      }),
    },
    {
      id: 'search-again',
      title: 'Search again',
      group: 'Query',
      ready: () => view().search.near.length > 0,
      run: attempt(() => runSearch()),
    },
    {
      id: 'exact',
      title: 'Search exactly, or through the index',
      group: 'Query',
      ready: inCollection,
      run: attempt(async () => {
        view().setSearch({ exact: !view().search.exact })
        await runSearch()
      }),
    },
    {
      id: 'clear-search',
      title: 'Clear the search',
      group: 'Query',
      ready: () => view().search.near.length > 0,
      run: clearSearch,
    },
    {
      id: 'clear-filter',
      title: 'Take the filter off',
      group: 'Query',
      ready: () => view().filter !== '',
      run: attempt(() => applyFilter('')),
    },
    ...rowCommands(attempt),
    {
      id: 'lasso',
      title: 'Lasso on the map',
      group: 'Map',
      keys: 'L',
      local: true,
      ready: () => inCollection() && view().screen === 'map',
      run: () => window.dispatchEvent(new KeyboardEvent('keydown', { key: 'l', bubbles: true })),
    },
    ...storeCommands(attempt),
    maximize('map', 'Map'),
    maximize('table', 'Table'),
    maximize('results', 'Results'),
    maximize('inspector', 'Inspector'),
    {
      id: 'theme',
      title: 'Light or dark',
      group: 'Window',
      keys: 'Mod+Shift+L',
      ready: () => true,
      run: () => {
        const { shown, setTheme } = useTheme.getState()
        setTheme(shown === 'dark' ? 'light' : 'dark')
      },
    },
    {
      id: 'theme-system',
      title: 'Light or dark as the system says',
      group: 'Window',
      ready: () => useTheme.getState().theme !== 'system',
      run: () => useTheme.getState().setTheme('system'),
    },
    {
      id: 'sheet',
      title: 'All shortcuts',
      group: 'Window',
      keys: '?',
      ready: () => true,
      run: openSheet,
    },
  ]
}

/** Commands that exist because of what is open: its collections, its columns. */
export function momentCommands(): Command[] {
  const { store, collection } = view()
  const open = collectionOf(view())
  const collections = (store?.collections ?? [])
    .filter((one) => one.name !== collection)
    .map(
      (one): Command => ({
        id: `collection ${one.name}`,
        title: `Open ${one.name}`,
        group: 'Go',
        ready: () => true,
        run: () => view().setCollection(one.name),
      }),
    )
  const columns = (open?.columns ?? []).filter((column) => column.type !== 'vector' && column.type !== 'json')
  const colours = columns.map(
    (column): Command => ({
      id: `colour ${column.name}`,
      title: `Colour the map by ${column.name}`,
      group: 'Map',
      ready: () => true,
      run: () => view().setColourBy(column.name),
    }),
  )
  return [...collections, ...colours]
}

/** Commands whose keys mean something in a field too. */
const OF_FIELDS = new Set(['select-all', 'undo', 'redo'])

/** What a command is called now: undo and redo say what they would do. */
export function commandTitle(command: Command): string {
  if (command.id !== 'undo' && command.id !== 'redo') return command.title
  const what = waysNow()[command.id]
  return what === null ? command.title : `${command.title} ${what}`
}

/** Runs the command of a key press. Plain keys are text while one is typing, and nothing behind a dialog. */
export function runKey(list: readonly Command[], event: KeyboardEvent): boolean {
  const inDialog = isOpen('dialog', 'alertdialog', 'menu')
  for (const command of list) {
    if (!command.keys || command.local || !matches(command.keys, event)) continue
    const held = command.keys.includes('Mod+')
    if (isTyping(event.target) && (!held || OF_FIELDS.has(command.id))) return false
    if (inDialog && command.id !== 'theme') return false
    if (!command.ready()) return false
    event.preventDefault()
    command.run()
    return true
  }
  return false
}

/** Commands whose title holds every word of the text, best first. */
export function findCommands(list: readonly Command[], text: string): Command[] {
  const words = text.toLowerCase().split(/\s+/).filter(Boolean)
  const rated = list
    .filter((command) => command.id !== 'palette' && command.ready())
    .map((command) => ({ command, rate: rateOf(command, words) }))
    .filter(({ rate }) => rate > 0)
  return rated.sort((a, b) => b.rate - a.rate).map(({ command }) => command)
}

function rateOf(command: Command, words: readonly string[]): number {
  const title = command.title.toLowerCase()
  const all = `${title} ${command.group.toLowerCase()}`
  let rate = 1
  for (const word of words) {
    if (!all.includes(word)) return 0
    if (title.startsWith(word)) rate += 3
    else if (title.includes(` ${word}`)) rate += 2
    else if (title.includes(word)) rate += 1
  }
  return rate
}
