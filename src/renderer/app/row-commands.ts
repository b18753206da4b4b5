import { selectAll } from '../state/actions.ts'
import { askDelete, redo, returnToNow, undo } from '../state/changes.ts'
import { waysNow } from '../state/editmenu.ts'
import { NO_ROWS } from '../state/rows.ts'
import { whyNotNow } from '../state/view.ts'
import { type Attempt, type Command, focus, inCollection, view } from './command.ts'

/** Commands on rows: choosing them, changing them, and the ways back. */
export function rowCommands(attempt: Attempt): Command[] {
  return [
    {
      id: 'undo',
      title: 'Undo',
      group: 'Rows',
      keys: 'Mod+Z',
      ready: () => waysNow().undo !== null,
      run: attempt(undo),
    },
    {
      id: 'redo',
      title: 'Redo',
      group: 'Rows',
      keys: 'Mod+Shift+Z',
      ready: () => waysNow().redo !== null,
      run: attempt(redo),
    },
    {
      id: 'return-to-now',
      title: 'Return to now',
      group: 'Rows',
      ready: () => view().looking !== null,
      run: attempt(returnToNow),
    },
    {
      id: 'tag',
      title: 'Tag the selected rows…',
      group: 'Rows',
      keys: 'T',
      ready: () => inCollection() && view().selection.length > 0 && whyNotNow(view()) === null,
      run: openTagging,
    },
    {
      id: 'table-focus',
      title: 'Go to the rows of the table',
      group: 'Rows',
      keys: 'G',
      ready: inCollection,
      run: () => focus('[data-table]'),
    },
    {
      id: 'select-all',
      title: 'Select all rows of the filter',
      group: 'Rows',
      keys: 'Mod+A',
      ready: inCollection,
      run: attempt(selectAll),
    },
    {
      id: 'toggle-row',
      title: 'Select the row, or not',
      group: 'Rows',
      keys: 'Space',
      local: true,
      ready: () => view().active !== null,
      run: () => {
        const { active } = view()
        if (active !== null) view().toggleSelected(active)
      },
    },
    {
      id: 'clear-selection',
      title: 'Clear the selection',
      group: 'Rows',
      ready: () => view().selection.length > 0,
      run: () => view().select(NO_ROWS),
    },
    {
      id: 'delete',
      title: 'Delete the selected rows',
      group: 'Rows',
      keys: 'Delete',
      ready: () => inCollection() && view().selection.length > 0 && whyNotNow(view()) === null,
      run: () => askDelete(view().selection),
    },
  ]
}

/** Opens the tag popover beside the button for it that is in sight: on the map, or above the table. */
function openTagging(): void {
  const buttons = [...document.querySelectorAll('[data-tag-anchor]')]
  const anchor = buttons.find(inSight) ?? buttons[0]
  if (anchor) view().setTagging({ rows: view().selection, anchor })
}

function inSight(element: Element): boolean {
  const { left, top, width, height } = element.getBoundingClientRect()
  if (width === 0) return false
  const shown = document.elementFromPoint(left + width / 2, top + height / 2)
  return shown !== null && (element.contains(shown) || shown.contains(element))
}
