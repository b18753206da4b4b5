import { useCallback, useEffect, useLayoutEffect, useMemo, useRef, useState } from 'react'
import { type CollectionInfo, JUDGED_NEIGHBOURS, type StoreInfo } from '../../../contract/index.ts'
import { plainPalette } from '../../gl/palette.ts'
import type { ScatterKind } from '../../gl/scatter.ts'
import type { RegionMode, SurfaceEvents } from '../../gl/surface.ts'
import { findSimilar } from '../../state/actions.ts'
import { labelColumn, rowLabel } from '../../state/near.ts'
import { intersection, minus, NO_ROWS, rowSet } from '../../state/rows.ts'
import { useTheme } from '../../state/theme.ts'
import { KEPT, useSource, useView } from '../../state/view.ts'
import { Button } from '../../ui/controls.tsx'
import { count, counted } from '../../ui/format.ts'
import { ErrorNote } from '../../ui/pieces.tsx'
import { DEFAULT_REQUEST } from './DrawPopover.tsx'
import { firstColouring, useColouring, useMap } from './data.ts'
import { Foot } from './Foot.tsx'
import { Forming } from './Forming.tsx'
import { HoverCard } from './HoverCard.tsx'
import { Legend } from './Legend.tsx'
import { shownName, useMaking } from './making.ts'
import styles from './map.module.css'
import { NoMap } from './NoMap.tsx'
import { Names } from './names.ts'
import { useNeighbours } from './neighbours.ts'
import { useRegions } from './regions.ts'
import { rowIndex, sameRows, statesOf } from './rowindex.ts'
import { SelectionChip } from './SelectionChip.tsx'
import { Toolbar } from './Toolbar.tsx'
import { useSurface } from './useSurface.ts'
import { useTool } from './useTool.ts'

/** Time in which points travel from one frame of a forming map to the next, ms. */
const TRAVEL_MS = 260
/** Collections whose colours the person has chosen, or that were given a first colouring. */
const coloured = new Set<string>()

const EMPTY = new Uint32Array(0)

interface MapPaneProps {
  store: StoreInfo
  collection: CollectionInfo
}

export function MapPane({ store, collection }: MapPaneProps) {
  const key = `${store.store}/${collection.name}`
  const source = useSource(store, collection.name)
  const job = useView((view) =>
    Object.values(view.jobs).find(
      (one) => one.kind === 'map' && one.store === store.store && one.collection === collection.name,
    ),
  )
  const asked = useView((view) => view.mapName)
  const name = shownName(asked, collection.maps, job?.map)
  const { picture, saved, loading, error } = useMap(source, collection, name)
  const rows = picture?.rows ?? EMPTY
  const indexOf = useMemo(() => rowIndex(rows), [rows])

  const matching = useView((view) => view.matching)
  const selection = useView((view) => view.selection)
  const active = useView((view) => view.active)
  const hover = useView((view) => view.hover)
  const colourBy = useView((view) => view.colourBy)
  const result = useView((view) => view.search.result)
  const maximized = useView((view) => view.maximized === 'map')
  const forming = job?.map === name ? job : undefined
  const judging = useView((view) =>
    Object.values(view.jobs).find(
      (one) =>
        one.kind === 'judge' &&
        one.store === store.store &&
        one.collection === collection.name &&
        one.map === name,
    ),
  )
  const failed = useView((view) =>
    view.ended.find(
      (one) => one.kind === 'map' && one.store === store.store && one.collection === collection.name,
    ),
  )

  // A store that is only read can be drawn: its map is kept in memory. The past is drawn as far as it is on the map.
  const why = useView((view) => (view.looking ? 'This is the past; return to now to draw' : null))
  const [dismissed, setDismissed] = useState<string | null>(failed?.job ?? null)
  const making = useMaking({ store: store.store, collection, name, saved, rows }, () =>
    setDismissed(failed?.job ?? null),
  )
  const [card, setCard] = useState<{ row: number; x: number; y: number } | null>(null)
  const [drawn, setDrawn] = useState<{ kind: ScatterKind; rows: number } | null>(null)
  const host = useRef<HTMLDivElement>(null)
  const pane = useRef<HTMLElement>(null)

  const hits = useMemo(() => (result ? result.hits.map((hit) => hit.row) : []), [result])
  const column = labelColumn(collection)
  const k = saved?.score?.k ?? JUDGED_NEIGHBOURS
  const colouring = useColouring(source, colourBy, picture, k)
  const asksNeighbours = colourBy === KEPT && picture?.stage === 'saved'
  const neighbours = useNeighbours(source, name, saved?.created, asksNeighbours ? hover : null)
  const namesChanged = useRef<() => void>(() => undefined)
  // The card tells names that come later than itself.
  const [, tellNames] = useState(0)
  // biome-ignore lint/correctness/useExhaustiveDependencies: a change of the rows renews the names, it does not drop them
  const names = useMemo(
    () => new Names(source, column, () => namesChanged.current()),
    [source.store, source.collection, column],
  )
  names.renew(source)

  const handlers = useRef<SurfaceEvents>({} as SurfaceEvents)
  const surface = useSurface(host, handlers, key)
  const [tool, setTool] = useTool(surface)
  const rowAt = (index: number): number | null => (index < 0 ? null : (rows[index] ?? null))

  const choose = (chosen: Uint32Array, mode: RegionMode): void => {
    const view = useView.getState()
    if (mode === 'remove') view.select(minus(view.selection, chosen))
    else view.select(chosen, mode)
  }
  handlers.current = {
    hover: (index, x, y) => {
      const row = rowAt(index)
      useView.getState().setHover(row)
      setCard((before) => (row === null ? null : before?.row === row ? before : { row, x, y }))
    },
    click: (index, mode) => {
      const row = rowAt(index)
      const view = useView.getState()
      if (row === null) {
        if (mode === 'replace' && view.selection.length > 0) view.select(NO_ROWS)
        return
      }
      if (mode === 'replace') view.select([row])
      else view.toggleSelected(row)
      view.setActive(row)
    },
    double: (index) => {
      const row = rowAt(index)
      if (row !== null) void findSimilar(row, names.get(row) ?? undefined)
    },
    region: (indices, mode) => {
      const chosen = rowSet(indices.map((index) => rows[index] as number))
      // What the filter greys is not chosen by going around it.
      const { matching: filtered } = useView.getState()
      choose(filtered ? intersection(chosen, filtered) : chosen, mode)
    },
    names: (indices) => names.want(indices.map((index) => rows[index] as number)),
    drawn: (kind) => {
      const shown = picture ? rows.length : 0
      setDrawn((before) => (before?.kind === kind && before.rows === shown ? before : { kind, rows: shown }))
    },
  }

  // Points.
  const shownRows = useRef<Uint32Array>(EMPTY)
  useLayoutEffect(() => {
    if (!surface || !picture) return
    const travels = sameRows(shownRows.current, picture.rows)
    shownRows.current = picture.rows
    surface.setPoints(picture.xy, travels ? TRAVEL_MS : 0)
  }, [surface, picture])
  useEffect(() => {
    if (!surface) shownRows.current = EMPTY
  }, [surface])

  // Colours.
  const theme = useTheme((state) => state.shown)
  useLayoutEffect(() => {
    if (!surface) return
    if (colouring && colouring.codes.length === rows.length) {
      surface.setColours(colouring.codes, colouring.palette)
    } else surface.setColours(null, plainPalette(theme === 'dark' ? '#5b92f0' : '#2f6fdb'))
  }, [surface, colouring, rows, theme])
  useEffect(() => {
    if (colourBy !== null) coloured.add(key)
    if (rows.length === 0 || coloured.has(key)) return
    coloured.add(key)
    void firstColouring(source, collection, rows).then((first) => {
      const view = useView.getState()
      if (first !== null && view.colourBy === null && view.collection === collection.name) {
        view.setColourBy(first)
      }
    })
  }, [rows, colourBy, key, source, collection])

  // Selected, found, filtered.
  const states = useMemo(
    () => statesOf(rows.length, indexOf, { matching, selection, hits }),
    [rows, indexOf, matching, selection, hits],
  )
  useLayoutEffect(() => surface?.setStates(states), [surface, states])

  // Names and marks.
  const stands = picture?.stage === 'saved' ? saved : null
  const regions = useRegions(source, collection, stands, colouring?.column ?? null)
  useLayoutEffect(() => surface?.setRegions(regions), [surface, regions])
  useLayoutEffect(() => {
    surface?.setNames(
      (index) => names.get(rows[index] as number),
      (index) => rows[index] as number,
    )
  }, [surface, names, rows])
  const mark = useCallback((): void => {
    if (!surface) return
    const activeIndex = active === null ? -1 : indexOf(active)
    const hoverIndex = hover === null ? -1 : indexOf(hover)
    surface.setMarks({
      hits: (result?.hits ?? [])
        .map((hit, i) => ({ index: indexOf(hit.row), rank: i + 1, label: rowLabel(hit, collection) }))
        .filter((hit) => hit.index >= 0),
      active: activeIndex < 0 ? null : { index: activeIndex, label: names.get(active as number) ?? '' },
      hover: hoverIndex < 0 ? null : hoverIndex,
      links: neighbours
        .map(({ row, lost }) => ({ index: indexOf(row), lost, label: names.get(row) ?? '' }))
        .filter((link) => link.index >= 0),
    })
  }, [surface, active, hover, indexOf, result, collection, names, neighbours])
  useEffect(
    () => names.want(neighbours.filter(({ lost }) => lost).map(({ row }) => row)),
    [neighbours, names],
  )
  useLayoutEffect(() => {
    namesChanged.current = () => {
      mark()
      tellNames((n) => n + 1)
    }
    mark()
  }, [mark])
  useEffect(() => {
    if (active === null) return
    names.want([active])
    const index = indexOf(active)
    if (index >= 0 && surface && !surface.following) surface.reveal(index)
  }, [active, names, indexOf, surface])

  // Room for the controls that lie on the map.
  useLayoutEffect(() => {
    const element = host.current
    if (!surface || !element) return
    const measure = (): void => {
      const own = element.getBoundingClientRect()
      const floats = [...(pane.current?.querySelectorAll('[data-float]') ?? [])]
      const taken = floats.map((float) => {
        const { left, top, width, height } = float.getBoundingClientRect()
        return { x: left - own.left - 4, y: top - own.top - 4, width: width + 8, height: height + 8 }
      })
      const wide = floats.find((float) => float.matches('[aria-label^="Colours of"]'))?.clientWidth ?? 0
      const legend = colouring && own.width > 720 ? wide + 20 : 24
      surface.setRoom(taken, { top: 52, right: legend, bottom: 44, left: 28 })
    }
    measure()
    const sizes = new ResizeObserver(measure)
    sizes.observe(element)
    return () => sizes.disconnect()
  }, [surface, colouring])

  const chooseColour = (code: number, add: boolean): void => {
    if (!colouring) return
    const { codes } = colouring
    const chosen = rows.filter((_, i) => codes[i] === code)
    choose(matching ? intersection(rowSet(chosen), matching) : chosen, add ? 'add' : 'replace')
  }

  const shownError =
    making.error ??
    error ??
    (failed?.state === 'failed' && failed.job !== dismissed && !job ? failed.error : null)
  const missing = picture?.stage === 'saved' && !source.before ? collection.rows - rows.length : 0
  const lost = neighbours.filter((one) => one.lost)
  const status = forming ? 'forming' : picture ? picture.stage : loading ? 'loading' : 'empty'

  return (
    <section
      ref={pane}
      className={styles.pane}
      aria-label="Map"
      data-map
      data-stage={status}
      data-points={drawn?.rows ?? 0}
      data-renderer={drawn?.kind ?? ''}
      data-coloured-by={colouring?.column ?? ''}
      data-tool={tool}
    >
      <div
        ref={host}
        className={styles.host}
        role="application"
        aria-roledescription="map"
        aria-label="Map of the collection. Arrows move it, plus and minus zoom, Enter opens the row in the middle."
        aria-describedby="map-summary"
        // biome-ignore lint/a11y/noNoninteractiveTabindex: an application takes keys.
        tabIndex={0}
      />
      <p id="map-summary" className="visually-hidden" aria-live="polite">
        {summary(
          rows.length,
          colouring?.column ?? null,
          selection.length,
          hits.length,
          forming !== undefined,
        )}
      </p>
      {picture && (
        <Toolbar
          store={store.store}
          collection={collection}
          saved={saved}
          name={name}
          forming={job !== undefined}
          why={why}
          colourBy={colourBy}
          tool={tool}
          maximized={maximized}
          onColourBy={(next) => {
            coloured.add(key)
            useView.getState().setColourBy(next)
          }}
          onTool={setTool}
          onFit={() => surface?.fit()}
          onZoom={(direction) => (direction > 0 ? surface?.zoomIn() : surface?.zoomOut())}
          onDraw={making.draw}
          onName={(next) => useView.getState().setMapName(next)}
          onDelete={making.remove}
          onSpace={(minDist) => making.goOn({ minDist })}
          onMaximize={() => useView.getState().setMaximized(maximized ? null : 'map')}
        />
      )}
      {picture && colouring && <Legend colouring={colouring} onChoose={chooseColour} />}
      {picture && !forming && <SelectionChip />}
      {!picture && !forming && !loading && (
        <NoMap rows={collection.rows} name={name} why={why} onDraw={making.draw} />
      )}
      {forming ? (
        <Forming job={forming} keeps={picture?.stage === 'umap'} />
      ) : (
        picture &&
        saved && (
          <Foot
            info={saved}
            rows={rows.length}
            missing={missing}
            judging={judging}
            why={why}
            onKept={() => useView.getState().setColourBy(KEPT)}
            onGoOn={() => making.goOn({})}
          />
        )
      )}
      {shownError && (
        <div className={styles.error} data-float>
          <ErrorNote
            error={shownError}
            action={
              <Button
                look="quiet"
                onClick={() => {
                  making.draw(DEFAULT_REQUEST)
                }}
              >
                Draw again
              </Button>
            }
          />
        </div>
      )}
      {card && surface && picture && (
        <HoverCard
          source={source}
          collection={collection}
          row={card.row}
          x={card.x}
          y={card.y}
          column={colourBy}
          kept={
            neighbours.length === 0
              ? null
              : keptText(
                  neighbours.length,
                  lost.length,
                  lost.map(({ row }) => names.get(row) ?? ''),
                )
          }
        />
      )}
    </section>
  )
}

function keptText(all: number, lost: number, missed: string[]): string {
  const names = missed.filter(Boolean).slice(0, 4).join(', ')
  return `Keeps ${all - lost} of ${counted(all, 'neighbour')}${names ? `; not beside ${names}` : ''}`
}

function summary(
  rows: number,
  column: string | null,
  selected: number,
  hits: number,
  forming: boolean,
): string {
  if (rows === 0) return forming ? 'The map is being drawn.' : ''
  const parts = [`Map of ${counted(rows, 'row')}${column ? `, coloured by ${column}` : ''}.`]
  if (forming) parts.push('It is still forming.')
  if (selected > 0) parts.push(`${count(selected)} selected.`)
  if (hits > 0) parts.push(`${counted(hits, 'hit')} marked.`)
  return parts.join(' ')
}
