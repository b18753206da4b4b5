import { CircleAlert, RefreshCw } from 'lucide-react'
import { useState, useSyncExternalStore } from 'react'
import { AppError } from '../../contract/index.ts'
import { engine } from '../client/engine.ts'
import { shell } from '../client/shell.ts'
import { Button, cx } from '../ui/controls.tsx'
import { CopyButton } from '../ui/pieces.tsx'
import styles from './app.module.css'

/** Says that the engine died, and what comes of it. Nothing while it runs, or while it starts for the first time. */
export function EngineBanner() {
  const status = useSyncExternalStore(
    (listener) => engine.onStatus(listener),
    () => engine.status,
  )
  const [problem, setProblem] = useState('')
  if (status.state === 'running' || (status.state === 'restarting' && status.deaths === 0)) return null
  if (status.state === 'restarting') {
    return (
      <div className={styles.banner} role="status">
        <RefreshCw size={16} aria-hidden="true" />
        <span className={styles.bannerText}>
          The engine stopped and is being started again. Saved rows are kept.
        </span>
      </div>
    )
  }
  return (
    <div className={cx(styles.banner, styles.stopped)} role="alert">
      <CircleAlert size={16} aria-hidden="true" />
      <span className={styles.bannerText}>
        The engine was stopped after it failed {status.deaths} times in a row. Saved rows are kept.{' '}
        <small title={status.reason}>{problem || status.reason}</small>
      </span>
      <CopyButton label="Copy details" text={() => status.reason} />
      <Button
        onClick={() =>
          void shell('restartEngine').then(
            () => setProblem(''),
            (thrown: unknown) => setProblem(AppError.from(thrown).message),
          )
        }
      >
        Start it again
      </Button>
    </div>
  )
}
