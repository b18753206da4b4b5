import { useQuery } from '@tanstack/react-query'
import {
  ArchiveRestore,
  Camera,
  ChevronDown,
  Database,
  FileInput,
  FolderOpen,
  History,
  LogOut,
  Moon,
  Plus,
  Search,
  ShieldCheck,
  Shrink,
  Sun,
  Table2,
} from 'lucide-react'
import { shell } from '../client/shell.ts'
import { useTheme } from '../state/theme.ts'
import { useCollection, useView } from '../state/view.ts'
import { cx, IconButton, Keys, Menu, Tip } from '../ui/controls.tsx'
import { count, counted, metricName } from '../ui/format.ts'
import styles from './app.module.css'
import type { Command } from './commands.ts'
import { ReadOnlyBadge } from './ReadOnlyBadge.tsx'

/** Where one is: store, collection, and what it holds. The bar moves the window. */
export function TitleBar({ commands }: { commands: readonly Command[] }) {
  const store = useView((view) => view.store)
  const collection = useCollection()
  const info = useQuery({ queryKey: ['shell'], queryFn: () => shell('info') })
  const run = (id: string) => void commands.find((command) => command.id === id)?.run()
  const vectors = collection?.vectors ?? []
  const [vector] = vectors
  const looking = useView((view) => view.looking !== null)
  const facts = collection && [
    // How many there were then stands above the table.
    looking ? 'as it was' : counted(collection.rows, 'row'),
    vector && vectors.map(({ dimension }) => `${count(dimension)}-d`).join(' + '),
    vector && [...new Set(vectors.map(({ metric }) => metricName(metric)))].join(' and '),
  ]
  return (
    <header className={styles.title} data-controls={info.data?.windowControls ?? 'none'}>
      <Mark />
      {store ? (
        <Menu
          trigger={
            <button
              type="button"
              className={styles.crumb}
              aria-label={`Store ${store.name}`}
              title={store.path}
            >
              <span>{store.name}</span>
              <ChevronDown size={14} aria-hidden="true" />
            </button>
          }
          groups={[
            {
              entries: [
                {
                  label: 'About this store',
                  icon: <Database size={14} />,
                  keys: '1',
                  run: () => run('view-store'),
                },
                {
                  label: 'Import a file…',
                  icon: <FileInput size={14} />,
                  keys: 'Mod+I',
                  run: () => run('import'),
                },
                { label: 'History', icon: <History size={14} />, keys: '4', run: () => run('view-history') },
              ],
            },
            {
              entries: [
                { label: 'Verify', icon: <ShieldCheck size={14} />, run: () => run('verify') },
                { label: 'Save a snapshot…', icon: <Camera size={14} />, run: () => run('snapshot') },
                {
                  label: 'Restore a snapshot…',
                  icon: <ArchiveRestore size={14} />,
                  run: () => run('restore'),
                },
                {
                  label: 'Compact…',
                  icon: <Shrink size={14} />,
                  why: store.readOnly ? 'This store is open read-only' : null,
                  run: () => run('compact'),
                },
              ],
            },
            {
              entries: [
                {
                  label: 'Open another store…',
                  icon: <FolderOpen size={14} />,
                  keys: 'Mod+O',
                  run: () => run('open'),
                },
                { label: 'New store…', icon: <Plus size={14} />, keys: 'Mod+N', run: () => run('new') },
                { label: 'Close the store', icon: <LogOut size={14} />, run: () => run('close') },
              ],
            },
          ]}
        />
      ) : (
        <span className={cx(styles.crumb, styles.appName)}>OmenDB Studio</span>
      )}
      {store && store.collections.length > 0 && (
        <>
          <span className={styles.slash}>/</span>
          <Menu
            trigger={
              <button
                type="button"
                className={styles.crumb}
                aria-label={collection ? `Collection ${collection.name}` : 'Choose a collection'}
              >
                <span>{collection?.name ?? 'Choose a collection'}</span>
                <ChevronDown size={14} aria-hidden="true" />
              </button>
            }
            groups={[
              {
                label: 'Collections',
                entries: store.collections.map((one) => ({
                  label: one.name,
                  icon: <Table2 size={14} />,
                  hint: counted(one.rows, 'row'),
                  run: () => useView.getState().setCollection(one.name),
                })),
              },
            ]}
          />
        </>
      )}
      {store?.readOnly && <ReadOnlyBadge store={store} />}
      <span className={styles.facts}>{facts?.filter(Boolean).join(' · ')}</span>
      <Tip label="Find a command">
        <button
          type="button"
          className={styles.find}
          aria-label="Find a command"
          onClick={() => run('palette')}
        >
          <Search size={14} aria-hidden="true" />
          <Keys keys="Mod+K" />
        </button>
      </Tip>
      <ThemeButton />
    </header>
  )
}

function ThemeButton() {
  const shown = useTheme((state) => state.shown)
  const next = shown === 'dark' ? 'light' : 'dark'
  return (
    <IconButton
      label={`Use the ${next} look`}
      keys="Mod+Shift+L"
      onClick={() => useTheme.getState().setTheme(next)}
    >
      {shown === 'dark' ? <Sun size={16} /> : <Moon size={16} />}
    </IconButton>
  )
}

/** The sign of the app: a point and its neighbours. */
function Mark() {
  return (
    <svg className={styles.mark} width="20" height="20" viewBox="0 0 20 20" aria-hidden="true">
      <g stroke="currentColor" strokeWidth="1.3" opacity="0.45">
        <path d="M10 10 4 5M10 10l6.5-3.5M10 10 8 17" />
      </g>
      <circle cx="10" cy="10" r="3.6" fill="currentColor" />
      <circle cx="4" cy="5" r="2" fill="#f36809" />
      <circle cx="16.5" cy="6.5" r="2" fill="#08b9a2" />
      <circle cx="8" cy="17" r="2" fill="currentColor" opacity="0.7" />
    </svg>
  )
}
