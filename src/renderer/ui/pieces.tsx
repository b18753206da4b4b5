import { Dialog as BaseDialog } from '@base-ui/react/dialog'
import { Check, CircleAlert, Copy, Maximize2, Minimize2, X } from 'lucide-react'
import { type ReactNode, useEffect, useRef, useState } from 'react'
import type { AppError } from '../../contract/index.ts'
import { Button, cx, IconButton } from './controls.tsx'
import styles from './pieces.module.css'
import { barHeights } from './vector.ts'

interface PanelProps {
  title: string
  note?: ReactNode
  actions?: ReactNode
  maximized?: boolean
  onMaximize?: () => void
  /** False where the children scroll themselves. */
  scroll?: boolean
  children: ReactNode
}

export function Panel({ title, note, actions, maximized, onMaximize, scroll = true, children }: PanelProps) {
  return (
    <section className={styles.panel} aria-label={title}>
      <header className={styles.panelHead}>
        <h2 className={styles.panelTitle}>{title}</h2>
        {note && <span className={styles.panelNote}>{note}</span>}
        <span className={styles.push} />
        {actions}
        {onMaximize && (
          <IconButton
            label={maximized ? 'Give the window back' : `${title}: use the whole window`}
            keys={maximized ? 'Escape' : undefined}
            onClick={onMaximize}
          >
            {maximized ? <Minimize2 size={14} /> : <Maximize2 size={14} />}
          </IconButton>
        )}
      </header>
      <div className={styles.panelBody} style={scroll ? undefined : { overflow: 'hidden' }}>
        {children}
      </div>
    </section>
  )
}

interface EmptyProps {
  icon?: ReactNode
  title: string
  children?: ReactNode
  action?: ReactNode
}

/** Says what goes here, and offers the one action. */
export function Empty({ icon, title, children, action }: EmptyProps) {
  return (
    <div className={styles.empty}>
      {icon}
      <p className={styles.emptyTitle}>{title}</p>
      {children && <p className={styles.emptyText}>{children}</p>}
      {action && <div className={styles.emptyAction}>{action}</div>}
    </div>
  )
}

/** Copies on click and says so for a moment. */
export function CopyButton({ label, text, small }: { label: string; text: () => string; small?: boolean }) {
  const [copied, setCopied] = useState(false)
  useEffect(() => {
    if (!copied) return
    const timer = setTimeout(() => setCopied(false), 1_500)
    return () => clearTimeout(timer)
  }, [copied])
  return (
    <IconButton
      label={copied ? 'Copied' : label}
      small={small}
      onClick={() =>
        void navigator.clipboard.writeText(text()).then(
          () => setCopied(true),
          () => undefined,
        )
      }
    >
      {copied ? <Check size={14} /> : <Copy size={14} />}
    </IconButton>
  )
}

/** What happened, why, what was kept, one button for the remedy; details can be copied. */
export function ErrorNote({ error, action }: { error: AppError; action?: ReactNode }) {
  return (
    <div className={styles.error} role="alert">
      <CircleAlert size={16} aria-hidden="true" />
      <div className={styles.errorText}>
        {error.message} {error.remedy && <span className={styles.errorRemedy}>{error.remedy}</span>}
      </div>
      <div className={styles.errorActions}>
        {action}
        <CopyButton
          small
          label="Copy details"
          text={() => JSON.stringify({ ...error.toData(), retry: undefined }, null, 2)}
        />
      </div>
    </div>
  )
}

/** `value`: 0 to 1, or null where the whole is unknown. */
export function ProgressBar({ label, value }: { label: string; value: number | null }) {
  return (
    <div
      className={styles.bar}
      role="progressbar"
      aria-label={label}
      aria-valuemin={0}
      aria-valuemax={100}
      aria-valuenow={value === null ? undefined : Math.round(value * 100)}
    >
      <div
        className={cx(styles.barFill, value === null && styles.barUnknown)}
        style={value === null ? undefined : { width: `${value * 100}%` }}
      />
    </div>
  )
}

/** A list of {@link Fact}s. */
export function Facts({ children }: { children: ReactNode }) {
  return <dl className={styles.facts}>{children}</dl>
}

/** A name and its value, in a list of facts. */
export function Fact({ name, value }: { name: string; value: string }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{value}</dd>
    </div>
  )
}

/** A grey bar in the place of text that is on its way; invisible for the first 150 ms. */
export function Bone({ width = '60%' }: { width?: number | string }) {
  return <span className={styles.bone} style={{ width }} aria-hidden="true" />
}

/** A vector as a row of bars around its zero line. */
export function VectorPicture({ vector, height = 48 }: { vector: ArrayLike<number>; height?: number }) {
  const canvas = useRef<HTMLCanvasElement>(null)
  useEffect(() => {
    const element = canvas.current
    if (!element) return
    const draw = () => drawBars(element, vector, height)
    draw()
    const sizes = new ResizeObserver(draw)
    sizes.observe(element)
    const theme = new MutationObserver(draw)
    theme.observe(document.documentElement, { attributeFilter: ['data-theme'] })
    return () => {
      sizes.disconnect()
      theme.disconnect()
    }
  }, [vector, height])
  return (
    <canvas
      ref={canvas}
      className={styles.bars}
      style={{ height }}
      role="img"
      aria-label={`Picture of a vector of ${vector.length} values`}
    />
  )
}

function drawBars(canvas: HTMLCanvasElement, vector: ArrayLike<number>, height: number): void {
  const ratio = window.devicePixelRatio || 1
  const width = canvas.clientWidth
  canvas.width = Math.max(1, Math.round(width * ratio))
  canvas.height = Math.max(1, Math.round(height * ratio))
  const context = canvas.getContext('2d')
  if (!context || width === 0) return
  const style = getComputedStyle(document.documentElement)
  const heights = barHeights(vector, Math.floor(width / 2))
  const pitch = canvas.width / Math.max(1, heights.length)
  const bar = Math.max(1, pitch - Math.max(1, Math.round(pitch * 0.25)))
  const middle = canvas.height / 2
  context.fillStyle = style.getPropertyValue('--line-strong')
  context.fillRect(0, Math.round(middle), canvas.width, 1)
  for (const [colour, sign] of [
    [style.getPropertyValue('--positive'), 1],
    [style.getPropertyValue('--negative'), -1],
  ] as const) {
    context.fillStyle = colour
    for (const [i, value] of heights.entries()) {
      const size = value * sign * middle
      if (size > 0) context.fillRect(i * pitch, sign > 0 ? middle - size : middle, bar, Math.max(1, size))
    }
  }
}

interface DialogProps {
  open: boolean
  onClose: () => void
  title: ReactNode
  note?: ReactNode
  /** Pixels. */
  width: number
  height?: number
  foot?: ReactNode
  children: ReactNode
}

export function Dialog({ open, onClose, title, note, width, height, foot, children }: DialogProps) {
  // The dialog itself takes the focus: its first button is the one that closes it.
  const popup = useRef<HTMLDivElement>(null)
  return (
    <BaseDialog.Root open={open} onOpenChange={(next) => !next && onClose()}>
      <BaseDialog.Portal>
        <BaseDialog.Backdrop className={styles.scrim} />
        <BaseDialog.Popup
          ref={popup}
          initialFocus={popup}
          className={styles.dialog}
          style={{ width, height }}
        >
          <header className={styles.dialogHead}>
            <BaseDialog.Title className={styles.dialogTitle}>{title}</BaseDialog.Title>
            {note}
            <IconButton label="Close" keys="Escape" onClick={onClose}>
              <X size={16} />
            </IconButton>
          </header>
          <div className={styles.dialogBody}>{children}</div>
          {foot && <footer className={styles.dialogFoot}>{foot}</footer>}
        </BaseDialog.Popup>
      </BaseDialog.Portal>
    </BaseDialog.Root>
  )
}

interface ConfirmProps {
  open: boolean
  title: string
  children: ReactNode
  verb: string
  error?: AppError | null
  onConfirm: () => void
  onClose: () => void
}

/** For the few acts that cannot be undone. */
export function Confirm({ open, title, children, verb, error, onConfirm, onClose }: ConfirmProps) {
  return (
    <Dialog
      open={open}
      onClose={onClose}
      title={title}
      width={420}
      foot={
        <>
          <Button onClick={onClose}>Keep</Button>
          <Button look="danger" onClick={onConfirm}>
            {verb}
          </Button>
        </>
      }
    >
      {children}
      {error && (
        <div style={{ marginTop: 12 }}>
          <ErrorNote error={error} />
        </div>
      )}
    </Dialog>
  )
}
