import { keepPreviousData, useQuery } from '@tanstack/react-query'
import { History as HistoryIcon } from 'lucide-react'
import { useMemo, useState } from 'react'
import { AppError, type HistoryEntry, type StoreInfo } from '../../../contract/index.ts'
import { engine } from '../../client/engine.ts'
import { pastOf } from '../../state/past.ts'
import { useView } from '../../state/view.ts'
import { byDay, ruleWords } from '../../state/words.ts'
import { Button, Segments } from '../../ui/controls.tsx'
import { counted } from '../../ui/format.ts'
import { Bone, Empty, ErrorNote } from '../../ui/pieces.tsx'
import { Change } from './Change.tsx'
import styles from './history.module.css'
import { Line } from './Line.tsx'

/** Entries that are asked for at first; more when they are wanted. */
const FIRST = 500

type Scope = 'collection' | 'store'

/** What was done to the store, newest first; beside it the chosen change, with the way to look and to go back. */
export function HistoryScreen({ store }: { store: StoreInfo }) {
  const collection = useView((view) => view.collection)
  const [scope, setScope] = useState<Scope>('collection')
  const [limit, setLimit] = useState(FIRST)
  const [chosen, setChosen] = useState<number | null>(null)
  const query = useQuery({
    queryKey: ['data', store.store, 'history', store.revision, store.history.entries, limit],
    queryFn: () => engine.call('store.history', { store: store.store, limit }),
    placeholderData: keepPreviousData,
  })
  const all = query.data ?? NONE
  const past = useMemo(() => pastOf(all), [all])
  const several = new Set(all.map((entry) => entry.collection)).size > 1
  const only = scope === 'collection' && several ? collection : null
  const shown = only === null ? all : all.filter((entry) => entry.collection === only)
  const now = Date.now()
  const active = shown.find((entry) => entry.seq === chosen) ?? shown[0]
  const rule = ruleWords(store.history, now)

  return (
    <div className={styles.screen}>
      <section className={styles.list} aria-label="History">
        <header className={styles.head}>
          <h1 className={styles.title}>History</h1>
          <span className={styles.sum}>{counted(store.history.entries, 'change')}</span>
          <span className={styles.push} />
          {collection !== null && several && (
            <Segments
              label="Whose changes"
              value={scope}
              options={[
                { value: 'collection', label: collection },
                { value: 'store', label: 'Whole store' },
              ]}
              onChange={setScope}
            />
          )}
        </header>
        {query.error ? (
          <div className={styles.note}>
            <ErrorNote error={AppError.from(query.error)} />
          </div>
        ) : !query.data ? (
          <div className={styles.bones}>
            {[52, 38, 46, 41].map((width) => (
              <Bone key={width} width={`${width}%`} />
            ))}
          </div>
        ) : shown.length === 0 ? (
          <Empty icon={<HistoryIcon size={24} aria-hidden="true" />} title="Nothing was changed yet">
            Imports, tags, edits and deletes are listed here, each with the way back. {rule}
          </Empty>
        ) : (
          <div className={styles.days} data-days>
            {byDay(shown, now).map((day) => (
              <section key={day.label} className={styles.day} aria-label={day.label}>
                <h2 className={styles.dayLabel}>{day.label}</h2>
                {day.entries.map((entry) => (
                  <Line
                    key={entry.seq}
                    entry={entry}
                    past={past}
                    named={several && only === null}
                    chosen={entry.seq === active?.seq}
                    onChoose={() => setChosen(entry.seq)}
                  />
                ))}
              </section>
            ))}
            {all.length >= limit && store.history.entries > limit && (
              <div className={styles.more}>
                <Button look="quiet" onClick={() => setLimit(limit * 4)}>
                  Show older changes
                </Button>
              </div>
            )}
            <p className={styles.rule}>{rule}</p>
          </div>
        )}
      </section>
      {active && <Change key={active.seq} store={store} entry={active} entries={all} past={past} />}
    </div>
  )
}

const NONE: HistoryEntry[] = []
