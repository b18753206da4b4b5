import { useQueries } from '@tanstack/react-query'
import { Crosshair, Tag, Trash2, X } from 'lucide-react'
import { useEffect, useRef, useState } from 'react'
import { AppError, type CollectionInfo, type StoreInfo, type TablePage } from '../../../contract/index.ts'
import { pageQuery } from '../../client/queries.ts'
import { applyFilter } from '../../state/actions.ts'
import { askDelete } from '../../state/changes.ts'
import { NO_ROWS } from '../../state/rows.ts'
import { useSource, useView, useWhyNot } from '../../state/view.ts'
import { Button, IconButton } from '../../ui/controls.tsx'
import { count, counted } from '../../ui/format.ts'
import { Bone, Empty, ErrorNote, Panel } from '../../ui/pieces.tsx'
import { Grid } from './Grid.tsx'
import styles from './table.module.css'

interface Props {
  store: StoreInfo
  collection: CollectionInfo
  maximized: boolean
  onMaximize: () => void
}

/** Pages that are asked for at once; the first page is always one of them, for its columns. */
const PAGES_MAX = 6

/** The rows of the collection, or of the applied filter, in the order of the sort. */
export function TableView({ store, collection, maximized, onMaximize }: Props) {
  const filter = useView((view) => view.filter)
  const sort = useView((view) => view.sort)
  const looking = useView((view) => view.looking !== null)
  const [wanted, setWanted] = useState<readonly [number, number]>([0, 0])
  const source = useSource(store, collection.name)
  const numbers = pageNumbers(wanted[0], wanted[1])
  const queries = useQueries({ queries: numbers.map((page) => pageQuery(source, filter, sort, page)) })
  const pages = usePages(
    `${source.store} ${source.collection}`,
    numbers,
    queries.map((query) => query.data),
  )
  const first = pages.get(0)
  const error = queries.find((query) => query.error)?.error

  return (
    <Panel
      title="Table"
      note={first && rowsNote(first.total, looking ? null : collection.rows, filter)}
      actions={<SelectionTools />}
      maximized={maximized}
      onMaximize={onMaximize}
      scroll={false}
    >
      {error ? (
        <div className={styles.error}>
          <ErrorNote
            error={AppError.from(error)}
            action={
              filter !== '' && <Button onClick={() => void applyFilter('')}>Take the filter off</Button>
            }
          />
        </div>
      ) : first === undefined ? (
        <div className={styles.skeleton}>
          {[82, 64, 75, 58, 70, 61].map((width) => (
            <Bone key={width} width={`${width}%`} />
          ))}
        </div>
      ) : first.total === 0 ? (
        <NoRows filtered={filter !== ''} />
      ) : (
        <Grid
          key={`${source.store} ${source.collection}`}
          collection={collection}
          source={source}
          first={first}
          pages={pages}
          onWanted={(from, to) => setWanted((now) => (now[0] === from && now[1] === to ? now : [from, to]))}
        />
      )}
    </Panel>
  )
}

/**
 * The pages that are there. After a change, or under another filter, the one before stands in for a page until it has
 * come, so that the table keeps its place and its focus.
 */
function usePages(
  about: string,
  numbers: readonly number[],
  found: readonly (TablePage | undefined)[],
): ReadonlyMap<number, TablePage> {
  const before = useRef({ about, pages: new Map<number, TablePage>() })
  const pages = new Map<number, TablePage>()
  for (const [i, number] of numbers.entries()) {
    const page = found[i] ?? (before.current.about === about ? before.current.pages.get(number) : undefined)
    if (page) pages.set(number, page)
  }
  useEffect(() => {
    before.current = { about, pages }
  })
  return pages
}

function pageNumbers(from: number, to: number): number[] {
  const pages = [0]
  for (let page = from; page <= to && pages.length < PAGES_MAX; page++) if (page > 0) pages.push(page)
  return pages
}

/** `all`: rows of the collection; null where that is not known of the past. */
function rowsNote(total: number, all: number | null, filter: string): string {
  if (filter === '') return counted(total, 'row')
  return all === null ? `${count(total)} match` : `${count(total)} of ${counted(all, 'row')}`
}

function NoRows({ filtered }: { filtered: boolean }) {
  if (!filtered) return <Empty title="No rows">Drop a file anywhere to import it.</Empty>
  return (
    <Empty
      title="No row passes the filter"
      action={<Button onClick={() => void applyFilter('')}>Take the filter off</Button>}
    />
  )
}

function SelectionTools() {
  const selection = useView((view) => view.selection)
  const why = useWhyNot()
  if (selection.length === 0) return null
  const { select, setActive, setTagging } = useView.getState()
  return (
    <>
      <IconButton
        label="Tag the selected rows…"
        keys="T"
        why={why}
        data-tag-anchor
        onClick={(event) => setTagging({ rows: selection, anchor: event.currentTarget })}
      >
        <Tag size={14} />
      </IconButton>
      <IconButton label="Go to the next selected row" onClick={() => setActive(nextSelected())}>
        <Crosshair size={14} />
      </IconButton>
      <IconButton
        label="Delete the selected rows"
        keys="Delete"
        why={why}
        onClick={() => askDelete(selection)}
      >
        <Trash2 size={14} />
      </IconButton>
      <IconButton label="Clear the selection" keys="Escape" onClick={() => select(NO_ROWS)}>
        <X size={14} />
      </IconButton>
    </>
  )
}

/** The selected row after the active one, round and round. */
function nextSelected(): number | null {
  const { selection, active } = useView.getState()
  return selection.find((row) => active === null || row > active) ?? selection[0] ?? null
}
