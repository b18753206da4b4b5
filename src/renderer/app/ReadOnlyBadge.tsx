import { BookOpen } from 'lucide-react'
import { useState } from 'react'
import { AppError, type StoreInfo } from '../../contract/index.ts'
import { takeOver } from '../state/actions.ts'
import { say } from '../state/toast.ts'
import { holderWords, readHolder } from '../state/words.ts'
import { Tip } from '../ui/controls.tsx'
import styles from './app.module.css'

/** Says that the store is only read, and who writes it. A click tries to write, which works when nobody else does. */
export function ReadOnlyBadge({ store }: { store: StoreInfo }) {
  const [busy, setBusy] = useState(false)
  const writer = store.writer === null ? null : holderWords(readHolder(store.writer), Date.now())
  const who = writer === null ? 'Nobody writes this store now' : `Written by ${writer}`
  async function attempt() {
    setBusy(true)
    try {
      await takeOver()
      say(`${store.name} can be changed now`)
    } catch (thrown) {
      const error = AppError.from(thrown)
      say(error.code === 'STORE_LOCKED' ? `${store.name} is still written by another program` : error.message)
    } finally {
      setBusy(false)
    }
  }
  return (
    <Tip label={`${who}. Click to open it for writing.`}>
      <button
        type="button"
        className={styles.readOnly}
        aria-label={`Read-only. ${who}. Open it for writing`}
        aria-busy={busy}
        onClick={() => void attempt()}
      >
        <BookOpen size={13} aria-hidden="true" /> Read-only
      </button>
    </Tip>
  )
}
