import { observeElementOffset, useVirtualizer } from '@tanstack/react-virtual'
import { Check } from 'lucide-react'
import {
  type KeyboardEvent,
  type MouseEvent,
  type PointerEvent as ReactPointerEvent,
  useCallback,
  useEffect,
  useLayoutEffect,
  useMemo,
  useRef,
  useState,
} from 'react'
import { type Cell, type CollectionInfo, LIMITS, type TablePage } from '../../../contract/index.ts'
import { engine } from '../../client/engine.ts'
import { PAGE_ROWS, type Source, target } from '../../client/queries.ts'
import { hasRow } from '../../state/rows.ts'
import { useView } from '../../state/view.ts'
import { cx } from '../../ui/controls.tsx'
import { cell, count } from '../../ui/format.ts'
import { Bone } from '../../ui/pieces.tsx'
import { loadWidths, sameColumns, saveWidths, shown, type TableColumn, tableColumns } from './columns.ts'
import { HeadRow } from './HeadRow.tsx'
import { scaleOf, toLogical, toPhysical } from './scale.ts'
import styles from './table.module.css'

export const ROW_HEIGHT = 28
const OVERSCAN = 8

interface Props {
  collection: CollectionInfo
  source: Source
  /** The first page: it knows the columns and the number of rows. */
  first: TablePage
  pages: ReadonlyMap<number, TablePage>
  /** Pages that are in sight. */
  onWanted: (from: number, to: number) => void
}

export function Grid({ collection, source, first, pages, onWanted }: Props) {
  const scroller = useRef<HTMLDivElement>(null)
  const filter = useView((view) => view.filter)
  const sort = useView((view) => view.sort)
  const active = useView((view) => view.active)
  const selection = useView((view) => view.selection)
  const hover = useView((view) => view.hover)
  const total = first.total
  const widthKey = `${source.store}/${collection.name}`
  const [widths, setWidths] = useState(() => loadWidths(widthKey))
  // Widths come from the first rows that were seen, and stay when a filter brings others; not so when columns come or go.
  const [sample, setSample] = useState(first)
  if (!sameColumns(sample, first)) setSample(first)
  const gutter = Math.max(44, count(collection.rows).length * 7 + 24)
  const columns = useMemo(() => tableColumns(collection, sample, widths), [collection, sample, widths])
  const columnInSight = useView((view) => view.columnInSight)
  useEffect(() => {
    const at = columns.findIndex((column) => column.name === columnInSight)
    if (at < 0 || !scroller.current) return
    scroller.current.scrollBy({ left: missingWidth(scroller.current, columns, at, gutter) })
    useView.getState().showColumn(null)
  }, [columnInSight, columns, gutter])
  const [view, setView] = useState(0)
  useLayoutEffect(() => {
    const element = scroller.current
    if (!element) return
    const sizes = new ResizeObserver(() => setView(element.clientHeight))
    sizes.observe(element)
    return () => sizes.disconnect()
  }, [])
  // The head stands inside the scroller and takes one row of its height.
  const scale = useMemo(() => scaleOf(total, ROW_HEIGHT, Math.max(0, view - ROW_HEIGHT)), [total, view])
  const scaleNow = useRef(scale)
  scaleNow.current = scale

  const rows = useVirtualizer({
    count: total,
    getScrollElement: () => scroller.current,
    estimateSize: () => ROW_HEIGHT,
    overscan: OVERSCAN,
    observeElementOffset: (instance, tell) =>
      observeElementOffset(instance, (offset, scrolling) =>
        tell(toLogical(scaleNow.current, offset), scrolling),
      ),
    scrollToFn: (offset, { behavior }, instance) => {
      instance.scrollElement?.scrollTo({ top: toPhysical(scaleNow.current, offset), behavior })
    },
    scrollPaddingEnd: ROW_HEIGHT,
  })
  const items = rows.getVirtualItems()
  const firstItem = items[0]?.index ?? 0
  const lastItem = items.at(-1)?.index ?? 0
  useEffect(() => {
    onWanted(Math.floor(firstItem / PAGE_ROWS), Math.floor(lastItem / PAGE_ROWS))
  }, [firstItem, lastItem, onWanted])
  const shift = scale.physical === scale.logical ? 0 : shiftOf(scroller.current, scale)

  const rowAt = useCallback(
    (position: number) => pages.get(Math.floor(position / PAGE_ROWS))?.rows[position % PAGE_ROWS],
    [pages],
  )

  /** Position of the active row, once known: arrows start from it. */
  const cursor = useRef<{ row: number; position: number } | null>(null)
  const anchor = useRef(0)
  useEffect(() => {
    if (active === null || cursor.current?.row === active) return
    let stale = false
    engine
      .call('table.position', {
        ...target(source),
        filter,
        sort,
        row: active,
      })
      .then((position) => {
        if (stale || position === null) return
        cursor.current = { row: active, position }
        anchor.current = position
        rows.scrollToIndex(position, { align: 'auto' })
      })
      .catch(() => undefined)
    return () => {
      stale = true
    }
  }, [active, filter, sort, source, rows])
  // Another filter or order puts every row elsewhere.
  // biome-ignore lint/correctness/useExhaustiveDependencies: these are the causes, not the means
  useEffect(() => {
    cursor.current = null
    scroller.current?.scrollTo({ top: 0 })
  }, [filter, sort])

  function activate(position: number, row: number) {
    cursor.current = { row, position }
    useView.getState().setActive(row)
  }

  async function selectRange(from: number, to: number, how: 'replace' | 'add') {
    const [low, high] = from <= to ? [from, to] : [to, from]
    const chosen: number[] = []
    for (let offset = low; offset <= high; ) {
      const known = rowAt(offset)
      if (known !== undefined) {
        chosen.push(known)
        offset++
        continue
      }
      const limit = Math.min(LIMITS.pageRowsMax, high - offset + 1)
      const page = await engine.call('table.page', { ...target(source), filter, sort, offset, limit })
      if (page.rows.length === 0) break
      chosen.push(...page.rows)
      offset += page.rows.length
    }
    useView.getState().select(chosen, how)
  }

  function clicked(event: MouseEvent, position: number, row: number, onGutter: boolean) {
    if (event.shiftKey) {
      void selectRange(anchor.current, position, event.ctrlKey || event.metaKey ? 'add' : 'replace')
    } else {
      anchor.current = position
      if (onGutter || event.ctrlKey || event.metaKey) useView.getState().toggleSelected(row)
    }
    activate(position, row)
  }

  function move(to: number, extend: boolean) {
    const position = Math.min(total - 1, Math.max(0, to))
    rows.scrollToIndex(position, { align: 'auto' })
    const known = rowAt(position)
    const then = (row: number) => {
      activate(position, row)
      if (extend) void selectRange(anchor.current, position, 'replace')
      else anchor.current = position
    }
    if (known !== undefined) {
      then(known)
      return
    }
    engine
      .call('table.page', { ...target(source), filter, sort, offset: position, limit: 1 })
      .then((page) => page.rows[0] !== undefined && then(page.rows[0]))
      .catch(() => undefined)
  }

  function pressed(event: KeyboardEvent<HTMLDivElement>) {
    if (event.target !== event.currentTarget || event.ctrlKey || event.metaKey || event.altKey) return
    const at = cursor.current?.position ?? -1
    const page = Math.max(1, Math.floor(scale.view / ROW_HEIGHT) - 1)
    const targets: Record<string, number> = {
      ArrowDown: at + 1,
      ArrowUp: at - 1,
      PageDown: at + page,
      PageUp: at - page,
      Home: 0,
      End: total - 1,
    }
    const to = targets[event.key]
    if (to !== undefined) {
      event.preventDefault()
      move(to, event.shiftKey)
    } else if (event.key === ' ' && active !== null) {
      event.preventDefault()
      useView.getState().toggleSelected(active)
    } else if (event.key === 'ArrowLeft' || event.key === 'ArrowRight') {
      event.preventDefault()
      scroller.current?.scrollBy({ left: event.key === 'ArrowLeft' ? -80 : 80 })
    }
  }

  // On the short track one turn of the wheel would fly over thousands of rows: move by rows instead.
  useEffect(() => {
    const element = scroller.current
    if (!element || scale.physical === scale.logical) return
    const turned = (event: WheelEvent) => {
      if (event.ctrlKey || event.deltaY === 0) return
      event.preventDefault()
      const unit = event.deltaMode === WheelEvent.DOM_DELTA_LINE ? ROW_HEIGHT : 1
      rows.scrollToOffset((rows.scrollOffset ?? 0) + event.deltaY * unit)
    }
    element.addEventListener('wheel', turned, { passive: false })
    return () => element.removeEventListener('wheel', turned)
  }, [scale, rows])

  function resize(name: string, width: number, done: boolean) {
    const next = { ...widths, [name]: width }
    setWidths(next)
    if (done) saveWidths(widthKey, next)
  }

  return (
    <div className={styles.frame}>
      {/* biome-ignore lint/a11y/useSemanticElements: a grid that scrolls over any number of rows is no <table> */}
      <div
        ref={scroller}
        className={styles.scroller}
        role="grid"
        tabIndex={0}
        data-table
        aria-label={`Rows of ${collection.name}`}
        aria-rowcount={total + 1}
        aria-colcount={columns.length + 1}
        aria-multiselectable="true"
        aria-activedescendant={active === null ? undefined : `table-row-${active}`}
        onKeyDown={pressed}
        onPointerLeave={() => useView.getState().setHover(null)}
      >
        <HeadRow columns={columns} gutter={gutter} onResize={resize} />
        <div className={styles.rows} role="presentation" style={{ height: scale.physical }}>
          {items.map((item) => {
            const row = rowAt(item.index)
            const page = pages.get(Math.floor(item.index / PAGE_ROWS))
            // A page from before a column came has its cells in other places.
            const cells = page && sameColumns(page, sample) ? page.cells[item.index % PAGE_ROWS] : undefined
            return (
              <Row
                key={item.key}
                position={item.index}
                top={item.start - shift}
                row={row}
                cells={cells}
                columns={columns}
                gutter={gutter}
                active={row !== undefined && row === active}
                hovered={row !== undefined && row === hover}
                selected={row !== undefined && hasRow(selection, row)}
                onClick={clicked}
              />
            )
          })}
        </div>
      </div>
    </div>
  )
}

/** How far to scroll so that a whole column is in sight; 0 if it is. */
function missingWidth(element: HTMLDivElement, columns: TableColumn[], at: number, gutter: number): number {
  const left = gutter + columns.slice(0, at).reduce((sum, column) => sum + column.width, 0)
  const right = left + (columns[at]?.width ?? 0)
  const { scrollLeft, clientWidth } = element
  if (right > scrollLeft + clientWidth) return right - scrollLeft - clientWidth
  return left < scrollLeft + gutter ? left - scrollLeft - gutter : 0
}

/** How far a row's logical place is below its physical one. */
function shiftOf(element: HTMLDivElement | null, scale: ReturnType<typeof scaleOf>): number {
  const physical = element?.scrollTop ?? 0
  return toLogical(scale, physical) - physical
}

interface RowProps {
  position: number
  top: number
  row: number | undefined
  cells: Cell[] | undefined
  columns: TableColumn[]
  gutter: number
  active: boolean
  hovered: boolean
  selected: boolean
  onClick: (event: MouseEvent, position: number, row: number, onGutter: boolean) => void
}

function Row(props: RowProps) {
  const { position, top, row, cells, columns, gutter, active, hovered, selected, onClick } = props
  const hear = (event: ReactPointerEvent) => {
    if (row !== undefined && event.pointerType === 'mouse') useView.getState().setHover(row)
  }
  return (
    // biome-ignore lint/a11y/useSemanticElements lint/a11y/useFocusableInteractive lint/a11y/useKeyWithClickEvents: the grid has the focus and the keys
    <div
      id={row === undefined ? undefined : `table-row-${row}`}
      className={cx(
        styles.row,
        hovered && styles.rowHover,
        selected && cx(styles.rowSelected, styles.rowTicked),
        active && styles.rowActive,
      )}
      role="row"
      aria-rowindex={position + 2}
      aria-selected={selected}
      data-row={row}
      style={{ transform: `translateY(${top}px)` }}
      onPointerEnter={hear}
      onClick={(event) => row !== undefined && onClick(event, position, row, false)}
    >
      {/* biome-ignore lint/a11y/useSemanticElements lint/a11y/useFocusableInteractive lint/a11y/useKeyWithClickEvents: Space in the grid does the same */}
      <div
        className={styles.gutter}
        role="rowheader"
        style={{ width: gutter }}
        onClick={(event) => {
          event.stopPropagation()
          if (row !== undefined) onClick(event, position, row, true)
        }}
      >
        <span className={styles.position}>{count(position + 1)}</span>
        <span className={styles.tick}>
          {selected && <Check size={11} strokeWidth={3} aria-hidden="true" />}
        </span>
      </div>
      {columns.map((column, at) =>
        cells ? (
          <TableCell key={column.name} column={column} value={cells[at] ?? null} />
        ) : (
          <div key={column.name} className={styles.boneCell} style={{ width: column.width }}>
            <Bone width={`${40 + ((position * 7 + at * 13) % 40)}%`} />
          </div>
        ),
      )}
    </div>
  )
}

function TableCell({ column, value }: { column: TableColumn; value: Cell }) {
  const look =
    value === null
      ? styles.null
      : column.type === 'id'
        ? styles.id
        : column.type === 'bool'
          ? styles.bool
          : typeof value === 'object'
            ? styles.json
            : undefined
  return (
    // biome-ignore lint/a11y/useSemanticElements lint/a11y/useFocusableInteractive: rows move as one; the grid has the focus
    <div
      className={cx(styles.cell, column.numeric && styles.right, look)}
      role="gridcell"
      style={{ width: column.width }}
      onPointerEnter={(event) => {
        // The whole text only where it is cut.
        const { currentTarget } = event
        currentTarget.title = currentTarget.scrollWidth > currentTarget.clientWidth ? cell(value) : ''
      }}
    >
      {value === null ? '–' : shown(value)}
    </div>
  )
}
