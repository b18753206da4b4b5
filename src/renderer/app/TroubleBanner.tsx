import { CircleAlert } from 'lucide-react'
import { useState } from 'react'
import { AppError } from '../../contract/index.ts'
import { reopenStore } from '../state/actions.ts'
import { useView } from '../state/view.ts'
import { Button, cx } from '../ui/controls.tsx'
import { bytes } from '../ui/format.ts'
import { CopyButton } from '../ui/pieces.tsx'
import styles from './app.module.css'

/** What happened to the open store's disk or handle so that it takes no more writes. */
export function TroubleBanner() {
  const trouble = useView((view) => view.trouble)
  const name = useView((view) => view.store?.name ?? '')
  const [busy, setBusy] = useState(false)
  const [problem, setProblem] = useState('')
  if (!trouble) return null

  async function again() {
    setBusy(true)
    setProblem('')
    try {
      await reopenStore()
    } catch (thrown) {
      setProblem(AppError.from(thrown).message)
    } finally {
      setBusy(false)
    }
  }

  return (
    <div className={cx(styles.banner, styles.stopped)} role="alert" data-trouble={trouble.code}>
      <CircleAlert size={16} aria-hidden="true" />
      <span className={styles.bannerText}>
        {troubleWords(trouble, name)} <small title={trouble.message}>{problem}</small>
      </span>
      <CopyButton label="Copy details" text={() => JSON.stringify(trouble.toData(), null, 2)} />
      <Button disabled={busy} onClick={() => void again()}>
        Open the store again
      </Button>
    </div>
  )
}

/** What happened, what is kept, and what has to be done first. */
export function troubleWords(error: AppError, store: string): string {
  if (error.code !== 'DISK_FULL') {
    return `A write to ${store} failed, so it takes no more of them. Everything acknowledged is kept.`
  }
  const { needed, free } = error.detail
  const sizes = [
    typeof needed === 'number' ? `${bytes(needed)} were needed` : '',
    typeof free === 'number' ? `${bytes(free)} are free` : '',
  ].filter(Boolean)
  const what = sizes.length > 0 ? `: ${sizes.join(', ')}` : ''
  return `The disk of ${store} is full${what}. Everything acknowledged is kept. Free some space first.`
}
