import { History } from 'lucide-react'
import { useState } from 'react'
import type { HistoryEntry } from '../../../contract/index.ts'
import { goBack, returnToNow, sayProblem } from '../../state/changes.ts'
import { recentPast } from '../../state/recent.ts'
import { useView } from '../../state/view.ts'
import { entryTitle, moment } from '../../state/words.ts'
import { Button } from '../../ui/controls.tsx'
import styles from './history.module.css'

/** Says that the workspace shows the past, and offers both ways on. Nothing while it shows the present. */
export function LookBanner() {
  const entry = useView((view) => view.looking)
  return entry && <Looking entry={entry} />
}

function Looking({ entry }: { entry: HistoryEntry }) {
  const readOnly = useView((view) => view.store?.readOnly === true)
  const [busy, setBusy] = useState(false)
  const attempt = (work: () => Promise<void>) => {
    setBusy(true)
    void work()
      .catch(sayProblem)
      .finally(() => setBusy(false))
  }
  const text = `You are looking at ${entry.collection} as it was before ${entryTitle(entry, recentPast())}, ${moment(entry.at, Date.now())}`
  return (
    <div className={styles.looking} role="status" data-looking={entry.seq}>
      <History size={16} aria-hidden="true" />
      <span className={styles.lookingText} title={text}>
        {text}
      </span>
      <Button
        look="quiet"
        disabled={busy}
        why={readOnly ? 'This store is open read-only' : null}
        onClick={() => attempt(() => goBack(entry))}
      >
        Go back to this
      </Button>
      <Button look="primary" disabled={busy} onClick={() => attempt(returnToNow)}>
        Return to now
      </Button>
    </div>
  )
}
