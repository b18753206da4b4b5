import type { Cell } from '../../contract/index.ts'
import type { Handlers } from '../context.ts'

interface NativePage {
  total: number
  count: number
  columns: string[]
  cells: Cell[][]
}

export const tableOperations: Handlers<'table.page' | 'table.position' | 'filter.rows' | 'filter.check'> = {
  'table.page': ({ store, collection, filter, sort, offset, limit }, { sessions }) => {
    const rows = new Uint32Array(limit)
    const { count, ...page } = JSON.parse(
      sessions.get(store).native.page(collection, filter, JSON.stringify(sort), offset, rows),
    ) as NativePage
    return { ...page, offset, rows: rows.slice(0, count) }
  },

  'table.position': ({ store, collection, filter, sort, row }, { sessions }) =>
    sessions.get(store).native.position(collection, filter, JSON.stringify(sort), row),

  'filter.rows': ({ store, collection, filter }, { sessions }) => {
    const found = sessions.get(store).native.filterRows(collection, filter)
    const rows = new Uint32Array(found.length)
    found.copy(rows)
    return rows
  },

  'filter.check': ({ store, collection, filter }, { sessions }) => {
    sessions.get(store).native.checkFilter(collection, filter)
    return null
  },
}
