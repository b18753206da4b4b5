import { type RefObject, useCallback, useEffect, useLayoutEffect, useRef } from 'react'
import type { CollectionInfo, Region } from '../../../contract/index.ts'
import { plainPalette } from '../../gl/palette.ts'
import type { Surface } from '../../gl/surface.ts'
import { rowLabel } from '../../state/near.ts'
import { useTheme } from '../../state/theme.ts'
import { useView } from '../../state/view.ts'
import type { Colouring, Picture } from './data.ts'
import type { Names } from './names.ts'
import type { Neighbour } from './neighbours.ts'
import { type RowIndex, sameRows, statesOf } from './rowindex.ts'

/** Time in which points travel from one frame of a forming map to the next, ms. */
const TRAVEL_MS = 260

const EMPTY = new Uint32Array(0)

interface Paint {
  collection: CollectionInfo
  picture: Picture | null
  rows: Uint32Array
  indexOf: RowIndex
  colouring: Colouring | null
  names: Names
  /** Names of the colours' values, where these lie. */
  regions: readonly Region[]
  /** Set to what is to happen when names have come. */
  namesChanged: RefObject<() => void>
  /** Draws anew what tells names itself; the same function always. */
  tell: () => void
  /** True neighbours of the row under the pointer. */
  neighbours: readonly Neighbour[]
}

/** Keeps the surface at what the picture, the colours and the window's state say. */
export function usePainting(surface: Surface | null, paint: Paint): void {
  usePoints(surface, paint)
  useColours(surface, paint)
  useMarks(surface, paint)
  useLayoutEffect(() => surface?.setRegions(paint.regions), [surface, paint.regions])
}

function usePoints(surface: Surface | null, { picture }: Paint): void {
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
}

function useColours(surface: Surface | null, { rows, colouring, indexOf }: Paint): void {
  const theme = useTheme((state) => state.shown)
  const matching = useView((view) => view.matching)
  const selection = useView((view) => view.selection)
  const result = useView((view) => view.search.result)
  useLayoutEffect(() => {
    if (!surface) return
    if (colouring && colouring.codes.length === rows.length) {
      surface.setColours(colouring.codes, colouring.palette)
    } else surface.setColours(null, plainPalette(theme === 'dark' ? '#5b92f0' : '#2f6fdb'))
  }, [surface, colouring, rows, theme])
  useLayoutEffect(() => {
    const hits = result ? result.hits.map((hit) => hit.row) : []
    surface?.setStates(statesOf(rows.length, indexOf, { matching, selection, hits }))
  }, [surface, rows, indexOf, matching, selection, result])
}

function useMarks(surface: Surface | null, paint: Paint): void {
  const { collection, rows, indexOf, names, namesChanged, tell, neighbours } = paint
  const active = useView((view) => view.active)
  const hover = useView((view) => view.hover)
  const result = useView((view) => view.search.result)
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
      tell()
    }
    mark()
  }, [mark, tell, namesChanged])
  useEffect(() => {
    if (active === null) return
    names.want([active])
    const index = indexOf(active)
    if (index >= 0 && surface && !surface.following) surface.reveal(index)
  }, [active, names, indexOf, surface])
}

/** Leaves room for the controls that lie on the map. */
export function useRoom(
  surface: Surface | null,
  host: RefObject<HTMLElement | null>,
  pane: RefObject<HTMLElement | null>,
  legend: boolean,
): void {
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
      // In a narrow pane the tools stand in a column.
      const right = own.width <= 640 ? 48 : legend && own.width > 720 ? wide + 20 : 24
      surface.setRoom(taken, { top: 52, right, bottom: 44, left: 28 })
    }
    measure()
    const sizes = new ResizeObserver(measure)
    sizes.observe(element)
    return () => sizes.disconnect()
  }, [surface, host, pane, legend])
}
