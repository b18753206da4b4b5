import { X } from 'lucide-react'
import { useEffect, useMemo, useState } from 'react'
import type { AppError } from '../../contract/index.ts'
import { HistoryScreen } from '../features/history/HistoryScreen.tsx'
import { ImportDialog } from '../features/import/ImportDialog.tsx'
import { JobsScreen } from '../features/jobs/JobsScreen.tsx'
import { Blocked } from '../features/stores/Blocked.tsx'
import { StoreScreen } from '../features/stores/StoreScreen.tsx'
import { Welcome } from '../features/stores/Welcome.tsx'
import { clearStep } from '../state/actions.ts'
import { startSession } from '../state/session.ts'
import { useCollection, useView } from '../state/view.ts'
import { IconButton } from '../ui/controls.tsx'
import { isOpen, isTyping } from '../ui/keys.ts'
import { ErrorNote } from '../ui/pieces.tsx'
import styles from './app.module.css'
import { commands as makeCommands, runKey } from './commands.ts'
import { Dialogs } from './Dialogs.tsx'
import { DropZone } from './DropZone.tsx'
import { EngineBanner } from './EngineBanner.tsx'
import { Palette, Sheet } from './Palette.tsx'
import { Rail } from './Rail.tsx'
import { StatusBar } from './StatusBar.tsx'
import { TitleBar } from './TitleBar.tsx'
import { ToastPlace } from './Toast.tsx'
import { TroubleBanner } from './TroubleBanner.tsx'
import { Workspace } from './Workspace.tsx'

/** The window. */
export function App() {
  const [palette, setPalette] = useState(false)
  const [sheet, setSheet] = useState(false)
  const [error, setError] = useState<AppError | null>(null)
  const commands = useMemo(
    () =>
      makeCommands({
        openPalette: () => setPalette(true),
        openSheet: () => setSheet(true),
        onError: setError,
      }),
    [],
  )
  useEffect(() => startSession(setError), [])
  useEffect(() => {
    const pressed = (event: KeyboardEvent) => {
      if (event.defaultPrevented) return
      if (runKey(commands, event)) return
      const plain = event.key === 'Escape' && !isTyping(event.target)
      if (plain && !isOpen('dialog', 'menu', 'listbox')) clearStep()
    }
    window.addEventListener('keydown', pressed)
    return () => window.removeEventListener('keydown', pressed)
  }, [commands])
  return (
    <div className={styles.window}>
      <TitleBar commands={commands} />
      <div className={styles.banners}>
        <EngineBanner />
        <TroubleBanner />
      </div>
      <Rail />
      <main className={styles.main}>
        <Shown />
      </main>
      <StatusBar />
      <ImportDialog />
      <Dialogs />
      <Palette commands={commands} open={palette} onClose={() => setPalette(false)} />
      <Sheet commands={commands} open={sheet} onClose={() => setSheet(false)} />
      {error && (
        <div className={styles.error}>
          <ErrorNote error={error} />
          <IconButton label="Close this message" onClick={() => setError(null)}>
            <X size={16} />
          </IconButton>
        </div>
      )}
      <ToastPlace />
      <DropZone onError={setError} />
    </div>
  )
}

function Shown() {
  const screen = useView((view) => view.screen)
  const store = useView((view) => view.store)
  const blocked = useView((view) => view.blocked)
  const collection = useCollection()
  if (blocked) return <Blocked key={blocked.place.grant} blocked={blocked} />
  if (screen === 'jobs') return <JobsScreen />
  if (!store) return <Welcome />
  if (screen === 'history') return <HistoryScreen key={store.store} store={store} />
  if (collection && screen !== 'store') return <Workspace store={store} collection={collection} />
  return <StoreScreen store={store} />
}
