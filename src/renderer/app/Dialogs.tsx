import { useState } from 'react'
import { AppError } from '../../contract/index.ts'
import { TuneDialog } from '../features/query/TuneDialog.tsx'
import { CompactDialog } from '../features/stores/CompactDialog.tsx'
import { CopyDialog } from '../features/stores/CopyDialog.tsx'
import { deleteRows, dropCollection } from '../state/changes.ts'
import { type DialogState, useView } from '../state/view.ts'
import { counted } from '../ui/format.ts'
import { Confirm } from '../ui/pieces.tsx'

/** The dialog about the store that is open, if one is. */
export function Dialogs() {
  const dialog = useView((view) => view.dialog)
  const store = useView((view) => view.store)
  const collection = useView((view) => view.collection)
  if (!dialog) return null
  if (dialog.kind === 'copy') return <CopyDialog key={dialog.copy} copy={dialog.copy} from={dialog.from} />
  if (!store) return null
  if (dialog.kind === 'compact') return <CompactDialog store={store} />
  if (dialog.kind === 'tune') {
    const chosen = store.collections.find(({ name }) => name === collection)
    return chosen ? <TuneDialog store={store.store} collection={chosen} /> : null
  }
  return <ForGood dialog={dialog} store={store.store} />
}

type Final = Extract<DialogState, { kind: 'delete' | 'drop' }>

/** Where the store keeps no history, deleting is asked about. */
function ForGood({ dialog, store }: { dialog: Final; store: string }) {
  const [error, setError] = useState<AppError | null>(null)
  const close = () => useView.getState().setDialog(null)
  const what = dialog.kind === 'delete' ? counted(dialog.rows.length, 'row') : dialog.collection
  const run = () =>
    dialog.kind === 'delete' ? deleteRows(dialog.rows) : dropCollection(store, dialog.collection)
  return (
    <Confirm
      open
      title={`Delete ${what}`}
      verb={`Delete ${what}`}
      error={error}
      onClose={close}
      onConfirm={() => void run().then(close, (thrown: unknown) => setError(AppError.from(thrown)))}
    >
      This store keeps no history, so this cannot be undone.
    </Confirm>
  )
}
