import { useQuery, useQueryClient } from '@tanstack/react-query'
import { FolderOpen, MoreHorizontal, Plus } from 'lucide-react'
import { useState } from 'react'
import { AppError, type RecentStore } from '../../../contract/index.ts'
import { shell } from '../../client/shell.ts'
import { openGrant, openStore } from '../../state/actions.ts'
import { useView } from '../../state/view.ts'
import { Button, cx, Menu, Tip } from '../../ui/controls.tsx'
import { ago } from '../../ui/format.ts'
import { ErrorNote } from '../../ui/pieces.tsx'
import { DropArt, SampleArt } from './art.tsx'
import styles from './stores.module.css'

/** The window before a store is open: what was open before, a large place to drop on, and the sample. */
export function Welcome() {
  const [error, setError] = useState<AppError | null>(null)
  const attempt = (work: () => Promise<unknown>) => {
    setError(null)
    work().catch((thrown: unknown) => setError(AppError.from(thrown)))
  }
  return (
    <div className={styles.welcome}>
      <Recents attempt={attempt} />
      <div className={styles.main}>
        <div className={styles.drop}>
          <DropArt className={styles.art} />
          <h1 className={styles.title}>Drop a file of vectors anywhere</h1>
          <p className={styles.text}>See its rows at once, then search it and look at its map.</p>
          <div className={styles.actions}>
            <Tip label="Choose a file with vectors" keys="Mod+I">
              <Button look="primary" onClick={() => attempt(pickFile)}>
                Choose a file…
              </Button>
            </Tip>
          </div>
          <p className={styles.formats}>
            Parquet · CSV · JSON Lines · NumPy .npy · .fvecs · a store’s folder
          </p>
          {error && (
            <div className={styles.error}>
              <ErrorNote error={error} />
            </div>
          )}
        </div>
        <div className={styles.sample}>
          <SampleArt />
          <div className={styles.sampleText}>
            <h3>Nothing at hand? Take 20,000 words</h3>
            <p>English words as 100-d GloVe vectors, with rank, length and first letter.</p>
          </div>
          <Button onClick={() => attempt(async () => useView.getState().setImporting(await shell('sample')))}>
            Open the sample
          </Button>
        </div>
      </div>
    </div>
  )
}

async function pickFile(): Promise<void> {
  const file = await shell('pickFile')
  if (file) await openGrant(file)
}

function Recents({ attempt }: { attempt: (work: () => Promise<unknown>) => void }) {
  const recents = useQuery({ queryKey: ['recents'], queryFn: () => shell('recents'), staleTime: 0 })
  const stores = recents.data ?? []
  return (
    <nav className={styles.side} aria-label="Stores">
      <div className={styles.sideHead}>
        <h2>Recent stores</h2>
      </div>
      <div className={styles.list}>
        {stores.map((store) => (
          <Recent key={store.grant} store={store} attempt={attempt} />
        ))}
        {recents.isSuccess && stores.length === 0 && (
          <p className={styles.none}>
            Stores that you open are listed here. A store is a folder on your disk; nothing leaves this
            machine.
          </p>
        )}
      </div>
      <div className={styles.sideFoot}>
        <Tip label="Make an empty store" keys="Mod+N" side="top">
          <Button
            onClick={() =>
              attempt(async () => {
                const place = await shell('pickNewStore', 'vectors.db', 'store')
                if (place) await openStore(place, { create: true })
              })
            }
          >
            <Plus size={14} aria-hidden="true" /> New
          </Button>
        </Tip>
        <Tip label="Open a store’s folder" keys="Mod+O" side="top">
          <Button
            onClick={() =>
              attempt(async () => {
                const place = await shell('pickStore', 'store')
                if (place) await openStore(place)
              })
            }
          >
            <FolderOpen size={14} aria-hidden="true" /> Open…
          </Button>
        </Tip>
      </div>
    </nav>
  )
}

/** The folder that a path lies in, for either kind of slash. */
function folderOf(path: string): string {
  return path.replace(/[/\\][^/\\]*$/, '') || path
}

function Recent({ store, attempt }: { store: RecentStore; attempt: (work: () => Promise<unknown>) => void }) {
  const queries = useQueryClient()
  return (
    <div className={styles.recent}>
      <button
        type="button"
        className={cx(styles.recentOpen, store.missing && styles.missing)}
        title={store.path}
        onClick={() => attempt(() => openStore(store))}
      >
        <span className={styles.recentName}>
          <span>{store.name}</span>
          <span className={styles.when}>{store.missing ? 'not found' : ago(store.openedAt, Date.now())}</span>
        </span>
        <span className={styles.recentPath}>{folderOf(store.path)}</span>
      </button>
      <span className={styles.more}>
        <Menu
          align="end"
          trigger={
            <button type="button" aria-label={`More about ${store.name}`} className={styles.moreButton}>
              <MoreHorizontal size={16} aria-hidden="true" />
            </button>
          }
          groups={[
            {
              entries: [
                {
                  label: 'Show in the file manager',
                  disabled: store.missing,
                  run: () => attempt(() => shell('revealStore', store.grant)),
                },
                {
                  label: 'Take off this list',
                  run: () =>
                    attempt(async () => {
                      await shell('forgetRecent', store.grant)
                      await queries.invalidateQueries({ queryKey: ['recents'] })
                    }),
                },
              ],
            },
          ]}
        />
      </span>
    </div>
  )
}
