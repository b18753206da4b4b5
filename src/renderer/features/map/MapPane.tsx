import { useEffect, useId, useMemo, useReducer, useRef, useState } from 'react'
import { type CollectionInfo, JUDGED_NEIGHBOURS, type StoreInfo } from '../../../contract/index.ts'
import type { ScatterKind } from '../../gl/scatter.ts'
import type { RegionMode, SurfaceEvents } from '../../gl/surface.ts'
import { findSimilar } from '../../state/actions.ts'
import { labelColumn } from '../../state/near.ts'
import { intersection, minus, NO_ROWS, rowSet } from '../../state/rows.ts'
import { KEPT, useSource, useView } from '../../state/view.ts'
import { Button } from '../../ui/controls.tsx'
import { count, counted } from '../../ui/format.ts'
import { ErrorNote } from '../../ui/pieces.tsx'
import { BesideBar } from './BesideBar.tsx'
import { otherMap, useMoves } from './beside.ts'
import { DEFAULT_REQUEST } from './DrawPopover.tsx'
import { firstColouring, useColouring, useMap, useMapState } from './data.ts'
import { Foot } from './Foot.tsx'
import { Forming } from './Forming.tsx'
import { HoverCard } from './HoverCard.tsx'
import { useJob } from './jobs.ts'
import { Legend } from './Legend.tsx'
import { shownName, useMaking } from './making.ts'
import styles from './map.module.css'
import { NoMap } from './NoMap.tsx'
import { Names } from './names.ts'
import { useNeighbours } from './neighbours.ts'
import { notesOf } from './notes.ts'
import { usePainting, useRoom } from './painting.ts'
import { useRegions } from './regions.ts'
import { rowIndex } from './rowindex.ts'
import { SelectionChip } from './SelectionChip.tsx'
import { Toolbar } from './Toolbar.tsx'
import { useSurface } from './useSurface.ts'
import { useTool } from './useTool.ts'

/** Collections whose colours the person has chosen, or that were given a first colouring. */
const coloured = new Set<string>()

const EMPTY = new Uint32Array(0)

interface MapPaneProps {
  store: StoreInfo
  collection: CollectionInfo
  /** The map beside the one that is worked with, to compare it; it has the same colours and marks, and what is chosen on one is chosen on both. */
  beside?: boolean
}

export function MapPane({ store, collection, beside = false }: MapPaneProps) {
  const key = `${store.store}/${collection.name}`
  const source = useSource(store, collection.name)
  const about = { store: store.store, collection: collection.name }
  const job = useJob('map', about)
  const main = shownName(
    useView((view) => view.mapName),
    collection.maps,
    job?.map,
  )
  const other = useView((view) => view.beside)
  const name = beside ? (other ?? main) : main
  const { picture, saved, loading, error } = useMap(source, collection, name)
  const rows = picture?.rows ?? EMPTY
  const indexOf = useMemo(() => rowIndex(rows), [rows])

  const matching = useView((view) => view.matching)
  const selection = useView((view) => view.selection)
  const hover = useView((view) => view.hover)
  const colourBy = useView((view) => view.colourBy)
  const result = useView((view) => view.search.result)
  const maximized = useView((view) => view.maximized === 'map')
  const forming = job?.map === name ? job : undefined
  const judging = useJob('judge', about, name)
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
  const summaryId = useId()
  const [card, setCard] = useState<{ row: number; x: number; y: number } | null>(null)
  const [drawn, setDrawn] = useState<{ kind: ScatterKind; rows: number } | null>(null)
  const host = useRef<HTMLDivElement>(null)
  const pane = useRef<HTMLElement>(null)

  const column = labelColumn(collection)
  const moves = useMoves(source, collection, main, other)
  const colouring = useColouring(source, colourBy, picture, saved?.score?.k ?? JUDGED_NEIGHBOURS, moves)
  const asksNeighbours = colourBy === KEPT && picture?.stage === 'saved'
  const neighbours = useNeighbours(source, name, saved?.created, asksNeighbours ? hover : null)
  const namesChanged = useRef<() => void>(() => undefined)
  // The card tells names that come later than itself.
  const [, tell] = useReducer((n: number) => n + 1, 0)
  // biome-ignore lint/correctness/useExhaustiveDependencies: a change of the rows renews the names, it does not drop them
  const names = useMemo(
    () => new Names(source, column, () => namesChanged.current()),
    [source.store, source.collection, column],
  )
  names.renew(source)

  const handlers = useRef<SurfaceEvents>({} as SurfaceEvents)
  const surface = useSurface(host, handlers, beside ? `${key}/beside` : key)
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

  const stands = picture?.stage === 'saved' ? saved : null
  const regions = useRegions(source, collection, stands, colouring?.column ?? null)
  usePainting(surface, {
    regions,
    collection,
    picture,
    rows,
    indexOf,
    colouring,
    names,
    namesChanged,
    tell,
    neighbours,
  })
  useRoom(surface, host, pane, !beside && colouring !== null)
  useEffect(() => {
    if (colourBy !== null) coloured.add(key)
    if (beside || rows.length === 0 || coloured.has(key)) return
    coloured.add(key)
    void firstColouring(source, collection, rows).then((first) => {
      const view = useView.getState()
      if (first !== null && view.colourBy === null && view.collection === collection.name) {
        view.setColourBy(first)
      }
    })
  }, [rows, colourBy, key, source, collection, beside])

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
  const state = useMapState(source, name, picture?.stage === 'saved' ? saved : null)
  const status = forming ? 'forming' : picture ? picture.stage : loading ? 'loading' : 'empty'

  return (
    <section
      ref={pane}
      className={styles.pane}
      aria-label={beside ? `Map ${name}, beside` : 'Map'}
      {...(beside ? { 'data-map-beside': name } : { 'data-map': '' })}
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
        aria-describedby={summaryId}
        // biome-ignore lint/a11y/noNoninteractiveTabindex: an application takes keys.
        tabIndex={0}
      />
      <p id={summaryId} className="visually-hidden" aria-live="polite">
        {summary(
          rows.length,
          colouring?.column ?? null,
          selection.length,
          result?.hits.length ?? 0,
          forming !== undefined,
        )}
      </p>
      {beside && <BesideBar collection={collection} name={name} onFit={() => surface?.fit()} />}
      {!beside && picture && (
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
          beside={other !== null}
          onBeside={() => useView.getState().setBeside(other === null ? otherMap(collection, name) : null)}
          onMaximize={() => useView.getState().setMaximized(maximized ? null : 'map')}
        />
      )}
      {!beside && picture && colouring && <Legend colouring={colouring} onChoose={chooseColour} />}
      {!beside && picture && !forming && <SelectionChip />}
      {!beside && !picture && !forming && !loading && (
        <NoMap rows={collection.rows} name={name} why={why} maps={collection.maps} onDraw={making.draw} />
      )}
      {forming ? (
        <Forming job={forming} keeps={picture !== null && picture.stage !== 'saved'} />
      ) : (
        picture &&
        saved && (
          <Foot
            info={saved}
            rows={rows.length}
            state={state}
            judging={judging}
            why={beside ? 'It is changed in its own place' : why}
            onKept={() => useView.getState().setColourBy(KEPT)}
            onGoOn={() => making.goOn({})}
            onPlace={making.place}
          />
        )
      )}
      {!beside && shownError && (
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
          notes={notesOf(card.row, indexOf(card.row), { neighbours, names, picture, moves })}
        />
      )}
    </section>
  )
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
