import { FileInput } from 'lucide-react'
import { useEffect, useState } from 'react'
import { AppError } from '../../contract/index.ts'
import { dropped } from '../client/shell.ts'
import { openGrant } from '../state/actions.ts'
import styles from './app.module.css'

/** A file or a store's folder may be dropped anywhere on the window. */
export function DropZone({ onError }: { onError: (error: AppError) => void }) {
  const [over, setOver] = useState(false)
  useEffect(() => {
    // Entering and leaving elements inside the window comes in pairs.
    let depth = 0
    const files = (event: DragEvent) => event.dataTransfer?.types.includes('Files') === true
    const enter = (event: DragEvent) => {
      if (!files(event)) return
      event.preventDefault()
      depth++
      setOver(true)
    }
    const move = (event: DragEvent) => {
      if (!files(event)) return
      event.preventDefault()
      if (event.dataTransfer) event.dataTransfer.dropEffect = 'copy'
    }
    const leave = (event: DragEvent) => {
      if (!files(event)) return
      depth = Math.max(0, depth - 1)
      if (depth === 0) setOver(false)
    }
    const drop = (event: DragEvent) => {
      // Never let the window navigate to a dropped file.
      event.preventDefault()
      depth = 0
      setOver(false)
      const [file, second] = event.dataTransfer?.files ?? []
      if (!file) return
      if (second) {
        onError(
          new AppError({
            code: 'INVALID_REQUEST',
            message: 'Several files were dropped; nothing was imported.',
            remedy: 'Drop one file at a time.',
          }),
        )
        return
      }
      dropped(file)
        .then(openGrant)
        .catch((thrown: unknown) => onError(AppError.from(thrown)))
    }
    window.addEventListener('dragenter', enter)
    window.addEventListener('dragover', move)
    window.addEventListener('dragleave', leave)
    window.addEventListener('drop', drop)
    return () => {
      window.removeEventListener('dragenter', enter)
      window.removeEventListener('dragover', move)
      window.removeEventListener('dragleave', leave)
      window.removeEventListener('drop', drop)
    }
  }, [onError])
  if (!over) return null
  return (
    <div className={styles.drop} aria-hidden="true">
      <div className={styles.dropFrame} />
      <div className={styles.dropText}>
        <FileInput size={32} />
        <strong>Drop to import</strong>
        <span>Parquet, CSV, JSON Lines, .npy, .fvecs, or the folder of a store</span>
      </div>
    </div>
  )
}
