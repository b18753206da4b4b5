import { X } from 'lucide-react'
import { useEffect, useState } from 'react'
import { useToast } from '../state/toast.ts'
import { Button, IconButton, Keys } from '../ui/controls.tsx'
import styles from './toast.module.css'

/** How long a toast stays while nobody points at it, milliseconds. */
const STAY_MS = 8_000

/** What was just done, and the way back. It never takes the focus, and waits while one points at it. */
export function ToastPlace() {
  const toast = useToast((state) => state.toast)
  const [held, setHeld] = useState(false)
  useEffect(() => {
    if (!toast || held) return
    const timer = setTimeout(() => useToast.getState().hush(toast.id), STAY_MS)
    return () => clearTimeout(timer)
  }, [toast, held])
  useEffect(() => {
    if (!toast) setHeld(false)
  }, [toast])
  return (
    <div className={styles.place} role="status" aria-live="polite">
      {toast && (
        // biome-ignore lint/a11y/noStaticElementInteractions: pointing at it only keeps it from going
        <div
          key={toast.id}
          className={styles.toast}
          data-toast
          onPointerEnter={() => setHeld(true)}
          onPointerLeave={() => setHeld(false)}
          onFocus={() => setHeld(true)}
          onBlur={() => setHeld(false)}
        >
          <span className={styles.text}>{toast.text}</span>
          {toast.action && (
            <Button
              look="quiet"
              className={styles.action}
              onClick={() => {
                const { action, id } = toast
                useToast.getState().hush(id)
                action?.run()
              }}
            >
              {toast.action.label}
              {toast.action.keys && <Keys keys={toast.action.keys} />}
            </Button>
          )}
          <IconButton
            small
            label="Close this message"
            side="top"
            onClick={() => useToast.getState().hush(toast.id)}
          >
            <X size={14} />
          </IconButton>
        </div>
      )}
    </div>
  )
}
