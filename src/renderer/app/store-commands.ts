import { shell } from '../client/shell.ts'
import { closeStore, openGrant, openStore } from '../state/actions.ts'
import { type Attempt, type Command, view } from './command.ts'

/** Commands on whole stores: opening, making, importing into, looking after them. */
export function storeCommands(attempt: Attempt): Command[] {
  return [
    {
      id: 'import',
      title: 'Import a file…',
      group: 'Store',
      keys: 'Mod+I',
      ready: () => true,
      run: attempt(async () => {
        const file = await shell('pickFile')
        if (file) await openGrant(file)
      }),
    },
    {
      id: 'open',
      title: 'Open a store…',
      group: 'Store',
      keys: 'Mod+O',
      ready: () => true,
      run: attempt(async () => {
        const place = await shell('pickStore', 'store')
        if (place) await openStore(place)
      }),
    },
    {
      id: 'new',
      title: 'New store…',
      group: 'Store',
      keys: 'Mod+N',
      ready: () => true,
      run: attempt(async () => {
        const place = await shell('pickNewStore', 'vectors.db', 'store')
        if (place) await openStore(place, { create: true })
      }),
    },
    {
      id: 'sample',
      title: 'Import the sample: 20,000 words',
      group: 'Store',
      ready: () => true,
      run: attempt(async () => view().setImporting(await shell('sample'))),
    },
    {
      id: 'verify',
      title: 'Verify the store',
      group: 'Store',
      ready: () => view().store !== null,
      run: () => {
        view().setScreen('store')
        requestAnimationFrame(() => document.querySelector<HTMLElement>('[data-verify]')?.click())
      },
    },
    {
      id: 'snapshot',
      title: 'Save a snapshot of the store…',
      group: 'Store',
      ready: () => view().store !== null,
      run: () => view().setDialog({ kind: 'copy', copy: 'snapshot', from: null }),
    },
    {
      id: 'restore',
      title: 'Restore a snapshot…',
      group: 'Store',
      ready: () => true,
      run: () => view().setDialog({ kind: 'copy', copy: 'restore', from: null }),
    },
    {
      id: 'compact',
      title: 'Compact the store…',
      group: 'Store',
      ready: () => view().store?.readOnly === false,
      run: () => view().setDialog({ kind: 'compact' }),
    },
    {
      id: 'tune',
      title: 'Measure the precision of searches…',
      group: 'Store',
      ready: () => view().store !== null && view().collection !== null,
      run: () => view().setDialog({ kind: 'tune' }),
    },
    {
      id: 'reveal',
      title: 'Show the store in the file manager',
      group: 'Store',
      ready: () => view().grant !== null,
      run: attempt(async () => {
        const { grant } = view()
        if (grant) await shell('revealStore', grant)
      }),
    },
    {
      id: 'close',
      title: 'Close the store',
      group: 'Store',
      ready: () => view().store !== null,
      run: closeStore,
    },
  ]
}
