import { Eye, History } from 'lucide-react'
import { useState } from 'react'
import { AppError, type HistoryEntry, type StoreInfo } from '../../../contract/index.ts'
import { goBack, lookAt } from '../../state/changes.ts'
import type { Past } from '../../state/past.ts'
import { useView } from '../../state/view.ts'
import { clock, entryDetails, entryWords, moment, takenBack } from '../../state/words.ts'
import { Button } from '../../ui/controls.tsx'
import { count, sentence } from '../../ui/format.ts'
import { ErrorNote, Fact } from '../../ui/pieces.tsx'
import styles from './history.module.css'

interface ChangeProps {
  store: StoreInfo
  entry: HistoryEntry
  /** The whole list, of which going back takes a part. */
  entries: readonly HistoryEntry[]
  past: Past
}

/** Changes that are named one by one where going back would take them. */
const NAMED_MAX = 6

/** One change: what it did, how the collection was before it, and what going back there would take. */
export function Change({ store, entry, entries, past }: ChangeProps) {
  const [error, setError] = useState<AppError | null>(null)
  const [busy, setBusy] = useState(false)
  const looking = useView((view) => view.looking?.seq === entry.seq)
  const there = store.collections.some((one) => one.name === entry.collection)
  const why = store.readOnly ? 'This store is open read-only' : null
  const taken = takenBack(entries, entry)
  const now = Date.now()
  const until = clock(entry.at) === clock(entry.until) ? '' : clock(entry.until)

  async function attempt(work: () => Promise<void>) {
    setBusy(true)
    setError(null)
    try {
      await work()
    } catch (thrown) {
      setError(AppError.from(thrown))
    } finally {
      setBusy(false)
    }
  }

  return (
    <aside className={styles.change} aria-label="The chosen change">
      <h2 className={styles.changeTitle}>{entryWords(entry, past)}</h2>
      <p className={styles.changeWhen}>
        {sentence(moment(entry.at, now))}
        {until !== '' && `, until ${until}`}
      </p>
      <dl className={styles.facts}>
        <Fact name="Collection" value={entry.collection} />
        {FACTS.map(
          ({ name, of }) => of(entry) > 0 && <Fact key={name} name={name} value={count(of(entry))} />,
        )}
      </dl>
      {entryDetails(entry).map((detail) => (
        <p key={detail} className={styles.detail}>
          {sentence(detail)}
        </p>
      ))}
      {entry.undone && (
        <p className={styles.detail}>
          This was taken back later. How the collection was before it can still be seen.
        </p>
      )}
      {error && <ErrorNote error={error} />}
      <div className={styles.ways}>
        {entry.kind !== 'create' && there && (
          <Button disabled={busy || looking} onClick={() => void attempt(() => lookAt(entry))}>
            <Eye size={14} aria-hidden="true" />{' '}
            {looking ? 'You are looking at it' : 'Look at it as it was before'}
          </Button>
        )}
        <Button why={why} disabled={busy} onClick={() => void attempt(() => goBack(entry))}>
          <History size={14} aria-hidden="true" /> Go back to before this
        </Button>
      </div>
      <Effect entry={entry} taken={taken} past={past} />
    </aside>
  )
}

const FACTS: { name: string; of: (entry: HistoryEntry) => number }[] = [
  { name: 'Rows that came', of: (entry) => entry.added },
  { name: 'Rows that left', of: (entry) => entry.removed },
  { name: 'Rows that came back', of: (entry) => entry.revived },
  { name: 'Rows changed', of: (entry) => entry.changed },
]

interface EffectProps {
  entry: HistoryEntry
  taken: HistoryEntry[]
  past: Past
}

/** What going back would do, before it is done. */
function Effect({ entry, taken, past }: EffectProps) {
  const others = taken.filter((one) => one.seq !== entry.seq)
  if (taken.length === 0) {
    return (
      <p className={styles.effect}>
        Nothing since this change is in force: the collection would stay as it is.
      </p>
    )
  }
  return (
    <div className={styles.effect}>
      <p>{effectWords(entry.undone, others.length)} It is a change itself, so it can be undone.</p>
      {others.length > 0 && (
        <ul className={styles.taken}>
          {others.slice(0, NAMED_MAX).map((one) => (
            <li key={one.seq}>{entryWords(one, past)}</li>
          ))}
          {others.length > NAMED_MAX && <li>and {count(others.length - NAMED_MAX)} more</li>}
        </ul>
      )}
    </div>
  )
}

function effectWords(undone: boolean, others: number): string {
  if (others === 0) return 'Going back takes this change back.'
  const later = others === 1 ? 'the one after it' : `the ${count(others)} after it`
  return undone ? `Going back takes back ${later}.` : `Going back takes back this change and ${later}.`
}
