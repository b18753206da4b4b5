import { useQuery } from '@tanstack/react-query'
import { useEffect, useLayoutEffect, useRef, useState } from 'react'
import type { CollectionInfo } from '../../../contract/index.ts'
import { rowQuery, type Source } from '../../client/queries.ts'
import { labelColumn, rowLabel } from '../../state/near.ts'
import { brief, cell } from '../../ui/format.ts'
import styles from './map.module.css'

/** The pointer rests this long on a point before its row is asked for, ms. */
const WAIT_MS = 70
const FIELDS_MAX = 5
const GAP = 14

interface HoverCardProps {
  source: Source
  collection: CollectionInfo
  row: number
  /** Place of the point in the map, CSS pixels. */
  x: number
  y: number
  /** Column that colours the map: it is told first. */
  column: string | null
  /** What the map itself has to say of the row, a line each. */
  notes: string[]
}

/** What a row is, beside its point. */
export function HoverCard({ source, collection, row, x, y, column, notes }: HoverCardProps) {
  const [asked, setAsked] = useState<number | null>(null)
  useEffect(() => {
    const timer = setTimeout(() => setAsked(row), WAIT_MS)
    return () => clearTimeout(timer)
  }, [row])
  const { data } = useQuery({ ...rowQuery(source, asked ?? row), enabled: asked === row })
  const card = useRef<HTMLDivElement>(null)
  const [place, setPlace] = useState<{ left: number; top: number } | null>(null)
  const shown = data?.row === row ? data : null
  const said = notes.join('\n')
  // biome-ignore lint/correctness/useExhaustiveDependencies: with what is said the card grows
  useLayoutEffect(() => {
    const element = card.current
    const host = element?.offsetParent
    if (!shown || !element || !host) return setPlace(null)
    const { offsetWidth, offsetHeight } = element
    const right = x + GAP + offsetWidth <= host.clientWidth - 8
    setPlace({
      left: Math.max(8, right ? x + GAP : x - GAP - offsetWidth),
      top: Math.min(Math.max(8, y + GAP), Math.max(8, host.clientHeight - offsetHeight - 8)),
    })
  }, [shown, x, y, said])
  if (!shown) return null

  const title = rowLabel(shown, collection)
  const titleColumn = labelColumn(collection)
  const fields = Object.entries(shown.fields)
    .filter(([name, value]) => name !== titleColumn && name !== collection.id.column && cell(value) !== '')
    .sort(([a], [b]) => Number(b === column) - Number(a === column))
  return (
    <div
      ref={card}
      className={styles.card}
      style={{ left: place?.left ?? 0, top: place?.top ?? 0, visibility: place ? 'visible' : 'hidden' }}
      aria-hidden="true"
      data-hover-card
    >
      <p className={styles.cardTitle}>{brief(title, 80)}</p>
      {notes.map((note) => (
        <p key={note} className={styles.cardKept}>
          {note}
        </p>
      ))}
      {fields.length > 0 && (
        <dl className={styles.cardFields}>
          {fields.slice(0, FIELDS_MAX).map(([name, value]) => (
            <div key={name}>
              <dt>{brief(name, 18)}</dt>
              <dd>{brief(cell(value), 60)}</dd>
            </div>
          ))}
        </dl>
      )}
    </div>
  )
}
