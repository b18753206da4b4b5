import * as v from 'valibot'
import { expect, test } from 'vitest'
import { LIMITS, NAME_BORDER, operations } from '../../src/contract/index.ts'
import { nativeName } from '../../src/engine/names.ts'

const place = { store: 's', collection: 'words' }

test('a collection is named as it is, or as it was before an entry', () => {
  expect(nativeName({ collection: 'words' })).toBe('words')
  expect(nativeName({ collection: 'words', before: 12 })).toBe(`words${NAME_BORDER}12`)
})

test.each(['table.page', 'collection.create', 'history.undo', 'import.start'] as const)(
  'a name that pretends to be of the past does not pass the schema of %s',
  (op) => {
    const rest = {
      ...{ vectors: [{ name: 'v', dimension: 2, metric: 'l2' }], offset: 0, limit: 1, grant: 'g' },
      plan: { vector: 'v', id: null, metric: 'l2', columns: [], onError: 'stop' },
    }
    const parse = (collection: string) => v.safeParse(operations[op], { ...place, ...rest, collection })
    expect(parse('words').success).toBe(true)
    expect(parse(`words${NAME_BORDER}1`).success).toBe(false)
  },
)

test.each([
  ['nothing', {}],
  ['a list', { tag: [] }],
  ['an object', { tag: {} }],
  ['not a number', { tag: Number.NaN }],
  ['no end', { tag: Number.POSITIVE_INFINITY }],
  ['nothing at all', { tag: undefined }],
  ['a column without a name', { '': 1 }],
  ['too long a name', { ['x'.repeat(LIMITS.nameCharsMax + 1)]: 1 }],
])('an edit to %s does not pass', (_, changes) => {
  const rows = Uint32Array.of(1)
  expect(v.safeParse(operations['rows.edit'], { ...place, rows, changes }).success).toBe(false)
  expect(v.safeParse(operations['rows.edit'], { ...place, rows, changes: { tag: null } }).success).toBe(true)
})

test('an entry is a whole number from 0', () => {
  for (const before of [-1, 0.5, '3', Number.NaN, 2 ** 60]) {
    expect(v.safeParse(operations['row.get'], { ...place, row: 1, before }).success, String(before)).toBe(
      false,
    )
    expect(v.safeParse(operations['history.revert'], { store: 's', seq: before }).success).toBe(false)
  }
  expect(v.safeParse(operations['row.get'], { ...place, row: 1, before: 3 }).success).toBe(true)
})
