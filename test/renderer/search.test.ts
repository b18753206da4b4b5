// @vitest-environment happy-dom
import { beforeEach, describe, expect, it, vi } from 'vitest'
import { AppError, type CollectionInfo, type SearchResult, type StoreInfo } from '../../src/contract/index.ts'
import { addNear, applyFilter, clearStep, findSimilar, searchIn } from '../../src/renderer/state/actions.ts'
import { useView } from '../../src/renderer/state/view.ts'

const call = vi.hoisted(() => vi.fn())
vi.mock('../../src/renderer/client/engine.ts', () => ({ engine: { call } }))

const words: CollectionInfo = {
  name: 'words',
  rows: 3,
  deleted: 0,
  id: { column: 'rank', type: 'int' },
  columns: [{ name: 'word', type: 'text' }],
  vectors: [
    {
      name: 'vector',
      dimension: 2,
      metric: 'cosine',
      index: { state: 'ready', indexedRows: 3, progress: 1 },
    },
  ],
  maps: [],
  undo: null,
  redo: null,
}
const store = { store: 's', revision: 1, collections: [words] } as unknown as StoreInfo
const hit = (row: number) => ({ row, id: row + 1, distance: row / 10, fields: { word: `w${row}` } })
const result = (...rows: number[]): SearchResult => ({
  hits: rows.map(hit),
  tookMs: 1,
  plan: 'indexed',
  ef: 64,
  distances: 3,
})

beforeEach(() => {
  call.mockReset()
  useView.getState().setStore(store, 'grant')
  useView.getState().setCollection('words')
})

describe('a search', () => {
  it('leaves out the row that was asked for, and still fills k', async () => {
    useView.getState().setSearch({ k: 2 })
    call.mockResolvedValueOnce(result(1, 0, 2))
    await findSimilar(1, 'w1')
    expect(call).toHaveBeenCalledWith(
      'search.run',
      expect.objectContaining({ query: { by: 'row', row: 1 }, k: 3 }),
    )
    expect(useView.getState().search.result?.hits.map((h) => h.row)).toEqual([0, 2])
    expect(useView.getState().active).toBe(1)
  })

  it('takes a word for the text of the label column where ids are numbers', async () => {
    call.mockResolvedValueOnce(Uint32Array.of(2)).mockResolvedValueOnce(result(2, 0))
    expect(await addNear("d'or")).toBeNull()
    expect(call.mock.calls[0]).toEqual([
      'filter.rows',
      expect.objectContaining({ filter: `"word" = 'd''or'` }),
    ])
    expect(useView.getState().search.near).toEqual([{ by: 'row', row: 2, label: "d'or" }])
    expect(useView.getState().search.result?.hits.map((h) => h.row)).toEqual([0])
  })

  it('asks the same thing twice without counting it twice', async () => {
    call.mockResolvedValue(result(0, 1, 2))
    await addNear('1')
    await addNear('1')
    expect(useView.getState().search.near).toHaveLength(1)
  })

  it('keeps the hits of before when the next one fails, and says why', async () => {
    call.mockResolvedValueOnce(result(0, 1))
    await findSimilar(0, 'w0')
    call.mockRejectedValueOnce(new AppError({ code: 'UNKNOWN_ID', message: 'No such row.' }))
    await addNear('[1, 0]')
    await findSimilar(9, 'gone')
    const { search } = useView.getState()
    expect(search.result?.hits.map((h) => h.row)).toEqual([1])
    expect(search.error?.message).toBeTruthy()
    expect(search.running).toBe(false)
  })

  it('lets the newest win when answers come out of order', async () => {
    let first: (value: SearchResult) => void = () => undefined
    call.mockReturnValueOnce(new Promise((resolve) => (first = resolve))).mockResolvedValueOnce(result(2))
    const slow = findSimilar(0, 'slow')
    await findSimilar(1, 'fast')
    first(result(1))
    await slow
    expect(useView.getState().search.result?.hits.map((h) => h.row)).toEqual([2])
    expect(useView.getState().search.resultLabel).toBe('fast')
  })
})

describe('a search in one of several vector columns', () => {
  const [vector] = words.vectors
  const image = { ...vector, name: 'image', dimension: 3, metric: 'l2' }
  const both = { ...words, vectors: [vector, image] } as CollectionInfo

  it('goes on in another one, without pasted vectors of another dimension', async () => {
    useView.getState().storeChanged({ ...store, collections: [both] })
    call.mockResolvedValue(result(1))
    await findSimilar(0, 'w0')
    await addNear('[1, 0]')
    call.mockReset()
    call.mockResolvedValue(result(2))
    await searchIn('image')
    expect(call).toHaveBeenCalledExactlyOnceWith(
      'search.run',
      expect.objectContaining({ query: { by: 'row', row: 0 }, vector: 'image' }),
    )
    const { search } = useView.getState()
    expect(search.near).toEqual([{ by: 'row', row: 0, label: 'w0' }])
    expect(search.resultLabel).toBe('w0 by image')
    expect(await addNear('[1, 0]')).toMatch(/vectors of 3/)
    expect(await addNear('[1, 0, 2]')).toBeNull()
  })
})

describe('a filter', () => {
  it('changes nothing when it is wrong', async () => {
    call.mockResolvedValueOnce(Uint32Array.of(1, 2))
    await applyFilter(' rank > 1 ')
    expect(useView.getState().filter).toBe('rank > 1')
    call.mockRejectedValueOnce(new AppError({ code: 'INVALID_FILTER', message: 'No.' }))
    await expect(applyFilter('rnk')).rejects.toThrow('No.')
    expect(useView.getState().filter).toBe('rank > 1')
    expect([...(useView.getState().matching ?? [])]).toEqual([1, 2])
  })
})

describe('Esc', () => {
  it('gives back one thing at a time: the window, the selection, the search, the row', async () => {
    call.mockResolvedValue(result(0, 1))
    await findSimilar(0, 'w0')
    useView.getState().select([2])
    useView.getState().setMaximized('map')
    const seen = () => {
      const { maximized, selection, search, active } = useView.getState()
      return [maximized, selection.length, search.near.length, active]
    }
    clearStep()
    expect(seen()).toEqual([null, 1, 1, 0])
    clearStep()
    expect(seen()).toEqual([null, 0, 1, 0])
    clearStep()
    expect(seen()).toEqual([null, 0, 0, 0])
    clearStep()
    expect(seen()).toEqual([null, 0, 0, null])
  })
})
