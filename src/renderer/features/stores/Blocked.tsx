import { BookOpen, CircleAlert, LockKeyhole, RefreshCw } from 'lucide-react'
import { type ReactNode, useState } from 'react'
import { AppError } from '../../../contract/index.ts'
import { openStore } from '../../state/actions.ts'
import { type Blocked as BlockedStore, useView } from '../../state/view.ts'
import { holderWords, readHolder } from '../../state/words.ts'
import { Button } from '../../ui/controls.tsx'
import { CopyButton, ErrorNote } from '../../ui/pieces.tsx'
import styles from './blocked.module.css'

/** A store that could not be opened: why, what is safe, and the ways on. */
export function Blocked({ blocked }: { blocked: BlockedStore }) {
  return blocked.error.code === 'CORRUPT' ? <Damaged {...blocked} /> : <Locked {...blocked} />
}

/** Runs one way on at a time; what fails is said in place. */
function useWays() {
  const [busy, setBusy] = useState(false)
  const [error, setError] = useState<AppError | null>(null)
  const attempt = (work: () => Promise<void>) => {
    setBusy(true)
    setError(null)
    work()
      .catch((thrown: unknown) => setError(AppError.from(thrown)))
      .finally(() => setBusy(false))
  }
  return { busy, error, attempt }
}

/** Back to what was shown before. */
function Leave() {
  const open = useView((view) => view.store?.name)
  return (
    <Button look="quiet" onClick={() => useView.getState().setBlocked(null)}>
      {open === undefined ? 'Leave it' : `Back to ${open}`}
    </Button>
  )
}

function Locked({ place, error }: BlockedStore) {
  const ways = useWays()
  const { holder, pid } = error.detail
  const known = typeof holder === 'string' ? readHolder(holder, typeof pid === 'number' ? pid : null) : null
  return (
    <Card
      icon={<LockKeyhole size={22} aria-hidden="true" />}
      title={`${place.name} is being written by another program`}
      path={place.path}
    >
      {known && <p className={styles.holder}>{holderWords(known, Date.now())}</p>}
      <p>
        One program writes a store at a time. Open it read-only to search it, map it and follow what is
        written, or close it there and try again.
      </p>
      {ways.error && <ErrorNote error={ways.error} />}
      <div className={styles.ways}>
        <Button
          look="primary"
          disabled={ways.busy}
          onClick={() => ways.attempt(() => openStore(place, { readOnly: true }))}
        >
          <BookOpen size={14} aria-hidden="true" /> Open read-only
        </Button>
        <Button disabled={ways.busy} onClick={() => ways.attempt(() => openStore(place))}>
          <RefreshCw size={14} aria-hidden="true" /> Try again
        </Button>
        <Leave />
      </div>
    </Card>
  )
}

function Damaged({ place, error, readable }: BlockedStore) {
  const ways = useWays()
  const { file, offset, reason } = error.detail
  return (
    <Card
      icon={<CircleAlert size={22} aria-hidden="true" />}
      danger
      title={`${place.name} is damaged`}
      path={place.path}
    >
      <dl className={styles.facts}>
        <div>
          <dt>Damaged</dt>
          <dd>
            {typeof file === 'string' ? <span className="mono">{inside(file, place.path)}</span> : place.name}
            {typeof offset === 'number' && ` at byte ${offset.toLocaleString('en-US')}`}
          </dd>
        </div>
        <div>
          <dt>What is wrong</dt>
          <dd>{typeof reason === 'string' ? reason : error.message}</dd>
        </div>
        <div>
          <dt>Safe</dt>
          <dd>
            Nothing was changed by looking. Files carry a checksum for each block, so that what is sound can
            be told from what is not.
          </dd>
        </div>
      </dl>
      <p>
        {readable && 'It can still be read. '}Repair copies every row that is sound into a new store and says
        what was lost. This one is left as it is.
      </p>
      {ways.error && <ErrorNote error={ways.error} />}
      <div className={styles.ways}>
        <Button
          look="primary"
          onClick={() => useView.getState().setDialog({ kind: 'copy', copy: 'repair', from: place })}
        >
          Repair into a new store…
        </Button>
        {readable && (
          <Button
            disabled={ways.busy}
            onClick={() => ways.attempt(() => openStore(place, { readOnly: true }))}
          >
            <BookOpen size={14} aria-hidden="true" /> Open read-only
          </Button>
        )}
        <Leave />
        <CopyButton label="Copy details" text={() => JSON.stringify(error.toData(), null, 2)} />
      </div>
    </Card>
  )
}

/** A path inside the store's folder, without the way to it. */
function inside(file: string, folder: string): string {
  return file.startsWith(folder) ? file.slice(folder.length).replace(/^[/\\]/, '') || folder : file
}

interface CardProps {
  icon: ReactNode
  danger?: boolean
  title: string
  path: string
  children: ReactNode
}

function Card({ icon, danger, title, path, children }: CardProps) {
  return (
    <section className={styles.screen} aria-label={title}>
      <div className={styles.card} data-blocked={danger ? 'damaged' : 'locked'}>
        <span className={danger ? styles.dangerIcon : styles.icon}>{icon}</span>
        <h1 className={styles.title}>{title}</h1>
        <p className={styles.path}>{path}</p>
        {children}
      </div>
    </section>
  )
}
