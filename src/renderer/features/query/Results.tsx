import { ListChecks, Search, Tag } from 'lucide-react'
import type { KeyboardEvent } from 'react'
import type { Cell, CollectionInfo, Hit, SearchResult } from '../../../contract/index.ts'
import { runSearch } from '../../state/actions.ts'
import { labelColumn, rowLabel } from '../../state/near.ts'
import { rowSet } from '../../state/rows.ts'
import { useView, useWhyNot } from '../../state/view.ts'
import { Button, cx, IconButton, Tip } from '../../ui/controls.tsx'
import { cell, count, distance, milliseconds } from '../../ui/format.ts'
import { Bone, Empty, ErrorNote, Panel } from '../../ui/pieces.tsx'
import styles from './query.module.css'

interface Props {
  collection: CollectionInfo
  maximized: boolean
  onMaximize: () => void
}

/** The neighbours that were found, nearest first. */
export function Results({ collection, maximized, onMaximize }: Props) {
  const { result, resultLabel, running, error } = useView((view) => view.search)
  return (
    <Panel
      title="Results"
      note={result && `near ${resultLabel}`}
      actions={
        result && (
          <>
            <Took result={result} />
            <HitTools result={result} />
          </>
        )
      }
      maximized={maximized}
      onMaximize={onMaximize}
    >
      {error && (
        <div className={styles.error}>
          <ErrorNote
            error={error}
            action={error.retry && <Button onClick={() => void runSearch()}>Search again</Button>}
          />
        </div>
      )}
      {result ? (
        <HitList collection={collection} result={result} stale={running || error !== null} />
      ) : (
        !error && (running ? <Bones /> : <Nothing />)
      )}
    </Panel>
  )
}

const PLANS: Record<SearchResult['plan'], string> = {
  exact: 'every row was compared',
  indexed: 'through the index',
  mixed: 'through the index, and newer rows one by one',
}

function Took({ result }: { result: SearchResult }) {
  const how =
    result.plan === 'exact'
      ? `Exact: ${count(result.distances)} distances`
      : `Found ${PLANS[result.plan]}: ${count(result.ef)} partitions, ${count(result.distances)} distances`
  return (
    <Tip label={how}>
      <span className={styles.matched} data-took>
        {milliseconds(result.tookMs)}
      </span>
    </Tip>
  )
}

function HitTools({ result }: { result: SearchResult }) {
  const why = useWhyNot()
  if (result.hits.length === 0) return null
  const rows = rowSet(result.hits.map((hit) => hit.row))
  return (
    <>
      <IconButton label="Select the hits" onClick={() => useView.getState().select(rows)}>
        <ListChecks size={14} />
      </IconButton>
      <IconButton
        label="Tag the hits…"
        why={why}
        onClick={(event) => useView.getState().setTagging({ rows, anchor: event.currentTarget })}
      >
        <Tag size={14} />
      </IconButton>
    </>
  )
}

function Nothing() {
  return (
    <Empty icon={<Search size={20} aria-hidden="true" />} title="Nothing asked yet">
      Type an id above or paste a vector. On any row, F finds what is similar.
    </Empty>
  )
}

function Bones() {
  return (
    <div className={styles.bones}>
      {[70, 55, 62, 48, 66].map((width) => (
        <Bone key={width} width={`${width}%`} />
      ))}
    </div>
  )
}

function HitList({
  collection,
  result,
  stale,
}: {
  collection: CollectionInfo
  result: SearchResult
  stale: boolean
}) {
  const hover = useView((view) => view.hover)
  const active = useView((view) => view.active)
  const { setHover, setActive } = useView.getState()
  const { hits } = result
  if (hits.length === 0) {
    return <Empty title="No neighbours">No row passes the filter. Widen it, or take it off.</Empty>
  }
  const nearest = hits[0]?.distance ?? 0
  const span = (hits.at(-1)?.distance ?? 0) - nearest
  const extra = secondColumn(collection, hits)

  function pressed(event: KeyboardEvent<HTMLElement>) {
    const step = event.key === 'ArrowDown' ? 1 : event.key === 'ArrowUp' ? -1 : 0
    if (step === 0) return
    event.preventDefault()
    const items = [...event.currentTarget.querySelectorAll('button')]
    const at = items.indexOf(document.activeElement as HTMLButtonElement)
    const to = items[Math.min(items.length - 1, Math.max(0, at + step))]
    to?.focus()
    to?.click()
  }

  return (
    <ol
      className={cx(styles.results, stale && styles.stale)}
      aria-label="Neighbours"
      onKeyDown={pressed}
      onPointerLeave={() => setHover(null)}
    >
      {hits.map((hit, i) => (
        <li key={hit.row}>
          <button
            type="button"
            className={cx(
              styles.hit,
              hover === hit.row && styles.hitHover,
              active === hit.row && styles.hitActive,
            )}
            aria-current={active === hit.row}
            onPointerEnter={() => setHover(hit.row)}
            onClick={() => setActive(hit.row)}
          >
            <span className={styles.rank}>{i + 1}</span>
            <HitLabel hit={hit} collection={collection} extra={extra} />
            <span className={styles.distance}>
              <span className={styles.meter} aria-hidden="true">
                <i style={{ width: `${span > 0 ? 12 + (88 * (hit.distance - nearest)) / span : 12}%` }} />
              </span>
              {distance(hit.distance)}
            </span>
          </button>
        </li>
      ))}
    </ol>
  )
}

function HitLabel({
  hit,
  collection,
  extra,
}: {
  hit: Hit
  collection: CollectionInfo
  extra: string | null
}) {
  const label = rowLabel(hit, collection)
  const second: Cell = extra === null ? null : (hit.fields[extra] ?? null)
  return (
    <span className={styles.hitLabel} title={label}>
      <span>{label}</span>
      {second !== null && <small>{cell(second)}</small>}
    </span>
  )
}

/** A second text column that tells these hits apart; a letter, or one word for all, would not. */
function secondColumn(collection: CollectionInfo, hits: readonly Hit[]): string | null {
  const label = labelColumn(collection)
  const texts = collection.columns.filter(
    ({ name, type }) => type === 'text' && name !== label && name !== collection.id.column,
  )
  const telling = texts.find(({ name }) => {
    const values = new Set(hits.map((hit) => hit.fields[name]))
    return values.size > 1 && [...values].some((value) => typeof value === 'string' && value.length > 2)
  })
  return telling?.name ?? null
}
