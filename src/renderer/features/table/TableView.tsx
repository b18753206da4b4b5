import { useQueries } from '@tanstack/react-query'
import { Crosshair, Trash2, X } from 'lucide-react'
import { useMemo, useState } from 'react'
import { AppError, type CollectionInfo, type StoreInfo, type TablePage } from '../../../contract/index.ts'
import { PAGE_ROWS, pageQuery, type Source } from '../../client/queries.ts'
import { applyFilter, deleteRows } from '../../state/actions.ts'
import { NO_ROWS } from '../../state/rows.ts'
import { useView } from '../../state/view.ts'
import { Button, IconButton } from '../../ui/controls.tsx'
import { count, counted } from '../../ui/format.ts'
import { Bone, Confirm, Empty, ErrorNote, Panel } from '../../ui/pieces.tsx'
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
  const [wanted, setWanted] = useState<readonly [number, number]>([0, 0])
  const source = useMemo<Source>(
    () => ({ store: store.store, collection: collection.name, revision: store.revision }),
    [store.store, collection.name, store.revision],
  )
  const numbers = pageNumbers(wanted[0], wanted[1])
  const queries = useQueries({ queries: numbers.map((page) => pageQuery(source, filter, sort, page)) })
  const pages = new Map<number, TablePage>()
  for (const query of queries) {
    // A page of the view before stays until this one is there; it knows itself by its offset.
    if (query.data) pages.set(query.data.offset / PAGE_ROWS, query.data)
  }
  const first = queries[0]?.data
  const error = queries.find((query) => query.error)?.error

  return (
    <Panel
      title="Table"
      note={first && rowsNote(first.total, collection.rows, filter)}
      actions={<SelectionTools source={source} />}
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

function pageNumbers(from: number, to: number): number[] {
  const pages = [0]
  for (let page = from; page <= to && pages.length < PAGES_MAX; page++) if (page > 0) pages.push(page)
  return pages
}

function rowsNote(total: number, all: number, filter: string): string {
  return filter === '' ? counted(total, 'row') : `${count(total)} of ${counted(all, 'row')}`
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

function SelectionTools({ source }: { source: Source }) {
  const selection = useView((view) => view.selection)
  const [asking, setAsking] = useState(false)
  const [error, setError] = useState<AppError | null>(null)
  if (selection.length === 0) return null
  const { select, setActive } = useView.getState()
  return (
    <>
      <IconButton label="Go to the next selected row" onClick={() => setActive(nextSelected())}>
        <Crosshair size={14} />
      </IconButton>
      <IconButton
        label="Delete the selected rows"
        keys="Delete"
        onClick={() => {
          setError(null)
          setAsking(true)
        }}
      >
        <Trash2 size={14} />
      </IconButton>
      <IconButton label="Clear the selection" keys="Escape" onClick={() => select(NO_ROWS)}>
        <X size={14} />
      </IconButton>
      <Confirm
        open={asking}
        title={`Delete ${counted(selection.length, 'row')} of ${source.collection}`}
        verb={`Delete ${counted(selection.length, 'row')}`}
        error={error}
        onClose={() => setAsking(false)}
        onConfirm={() =>
          void deleteRows(selection).then(
            () => setAsking(false),
            (thrown: unknown) => setError(AppError.from(thrown)),
          )
        }
      >
        The selected rows leave the collection, the index and the map. Deleting cannot be undone yet.
      </Confirm>
    </>
  )
}

/** The selected row after the active one, round and round. */
function nextSelected(): number | null {
  const { selection, active } = useView.getState()
  return selection.find((row) => active === null || row > active) ?? selection[0] ?? null
}
