import type { Cell } from '../../contract/index.ts'
import type { Handlers } from '../context.ts'
import { nativeName } from '../names.ts'

interface NativePage {
  total: number
  count: number
  columns: string[]
  cells: Cell[][]
}

export const tableOperations: Handlers<'table.page' | 'table.position' | 'filter.rows' | 'filter.check'> = {
  'table.page': ({ store, filter, sort, offset, limit, ...target }, { sessions }) => {
    const rows = new Uint32Array(limit)
    const { count, ...page } = JSON.parse(
      sessions.get(store).native.page(nativeName(target), filter, JSON.stringify(sort), offset, rows),
    ) as NativePage
    return { ...page, offset, rows: rows.slice(0, count) }
  },

  'table.position': ({ store, filter, sort, row, ...target }, { sessions }) =>
    sessions.get(store).native.position(nativeName(target), filter, JSON.stringify(sort), row),

  'filter.rows': ({ store, filter, ...target }, { sessions }) => {
    const found = sessions.get(store).native.filterRows(nativeName(target), filter)
    const rows = new Uint32Array(found.length)
    found.copy(rows)
    return rows
  },

  'filter.check': ({ store, filter, ...target }, { sessions }) => {
    sessions.get(store).native.checkFilter(nativeName(target), filter)
    return null
  },
}
