import type { MouseEvent } from 'react'
import { categoryColour, NULL_CODE, NULL_COLOUR, OTHER_CODE, VIRIDIS_CSS } from '../../gl/palette.ts'
import { brief, count, measure } from '../../ui/format.ts'
import type { Colouring } from './data.ts'
import styles from './map.module.css'

interface LegendProps {
  colouring: Colouring
  /** Chooses all rows of a colour; `add`: to those that are chosen. */
  onChoose: (code: number, add: boolean) => void
}

/** What the colours mean, with counts. */
export function Legend({ colouring, onChoose }: LegendProps) {
  const { values, scale, column } = colouring
  if (values.kind === 'number') {
    return (
      <section className={styles.legend} aria-label={`Colours of ${column}`} data-float>
        <h3 className={styles.legendTitle}>
          {column}
          {scale?.kind === 'log' && <span className={styles.legendNote}> · log</span>}
        </h3>
        <div className={styles.ramp} style={{ backgroundImage: VIRIDIS_CSS }} />
        <div className={styles.rampEnds}>
          <span>{tick(values.min)}</span>
          <span>{tick(values.max)}</span>
        </div>
        {values.nulls > 0 && (
          <div className={styles.legendPlain}>
            <i className={styles.swatch} style={{ background: NULL_COLOUR }} />
            <span className={styles.legendLabel}>no value</span>
            <span className={styles.legendCount}>{count(values.nulls)}</span>
          </div>
        )}
      </section>
    )
  }
  const entries = values.labels.map(({ label, count: rows }, code) => ({ code, label, rows, plain: false }))
  if (values.others > 0) entries.push({ code: OTHER_CODE, label: 'other', rows: values.others, plain: true })
  if (values.nulls > 0) entries.push({ code: NULL_CODE, label: 'no value', rows: values.nulls, plain: true })
  return (
    <section className={styles.legend} aria-label={`Colours of ${column}`} data-float>
      <h3 className={styles.legendTitle}>{column}</h3>
      <ul>
        {entries.map(({ code, label, rows, plain }) => (
          <li key={code}>
            <button
              type="button"
              className={styles.legendEntry}
              title={label}
              aria-label={`Select ${label === '' ? 'empty text' : label}, ${count(rows)} rows`}
              onClick={(event: MouseEvent) => onChoose(code, event.shiftKey)}
            >
              <i className={styles.swatch} style={{ background: categoryColour(code) }} />
              <span className={plain || label === '' ? styles.legendQuiet : styles.legendLabel}>
                {label === '' ? 'empty' : brief(label)}
              </span>
              <span className={styles.legendCount}>{count(rows)}</span>
            </button>
          </li>
        ))}
      </ul>
    </section>
  )
}

/** Ends of a scale: whole numbers stay whole. */
const tick = (value: number): string =>
  Number.isInteger(value) && Math.abs(value) < 1e15 ? count(value) : measure(value)
