import * as v from 'valibot'
import { describe, expect, it } from 'vitest'
import { ImportPlan, type ImportPreview } from '../../src/contract/index.ts'
import {
  columnProblems,
  firstForm,
  idChoices,
  nameFromFile,
  toPlan,
  unusedName,
  withVector,
} from '../../src/renderer/features/import/plan.ts'

const preview: ImportPreview = {
  file: 'words.parquet',
  bytes: 1_000,
  format: 'parquet',
  rows: 20_000,
  rowsEstimate: null,
  columns: [
    { name: 'word', type: 'text', sourceType: 'utf8', role: 'id', sampleNulls: 0 },
    { name: 'rank', type: 'int', sourceType: 'int32', role: 'field', sampleNulls: 0 },
    {
      name: 'vec',
      type: 'vector',
      sourceType: 'list<float32>',
      role: 'vector',
      dimension: 100,
      sampleNulls: 0,
    },
    {
      name: 'vec2',
      type: 'vector',
      sourceType: 'list<float32>',
      role: 'field',
      dimension: 50,
      sampleNulls: 0,
    },
    {
      name: 'box',
      type: 'vector',
      sourceType: 'list<float32>',
      role: 'field',
      dimension: 4,
      sampleNulls: 0,
    },
  ],
  vector: { column: 'vec', dimension: 100, reason: '' },
  vectorCandidates: [
    {
      column: 'vec',
      dimension: 100,
      reason: '',
      metric: { metric: 'cosine', reason: '' },
      planned: true,
    },
    { column: 'vec2', dimension: 50, reason: '', metric: { metric: 'l2', reason: '' }, planned: true },
    { column: 'box', dimension: 4, reason: '', metric: { metric: 'l2', reason: '' }, planned: false },
  ],
  id: { column: 'word', reason: '' },
  metric: { metric: 'cosine', reason: '' },
  sample: [],
  csv: null,
}

describe('the import form', () => {
  it('begins with what the preview found and makes a plan that the contract accepts', () => {
    const plan = toPlan(firstForm(preview))
    expect(plan?.columns).toEqual([
      { source: 'rank', name: 'rank', type: 'int' },
      { source: 'vec2', name: 'vec2', type: 'vector', dimension: 50, metric: 'l2' },
    ])
    expect(v.safeParse(ImportPlan, plan).success).toBe(true)
  })

  it('takes another vector first, and the one before as a further one with the metric that it had', () => {
    const form = { ...firstForm(preview), metric: 'dot' as const }
    const turned = withVector(form, 'vec2')
    expect([turned.vector, turned.metric]).toEqual(['vec2', 'l2'])
    expect(toPlan(turned)?.columns).toEqual([
      { source: 'rank', name: 'rank', type: 'int' },
      { source: 'vec', name: 'vec', type: 'vector', dimension: 100, metric: 'dot' },
    ])
    expect(withVector(turned, 'vec').metric).toBe('dot')
  })

  it('has no plan without a vector column', () => {
    expect(toPlan({ ...firstForm(preview), vector: null })).toBeNull()
  })

  it('gives the id column back as a field when another is the id', () => {
    const form = { ...firstForm(preview), id: null }
    expect(toPlan(form)?.columns.map((c) => c.name)).toEqual(['word', 'rank', 'vec2'])
    expect(idChoices(preview, form)).toEqual(['word', 'rank'])
  })

  it('refuses two columns of one name, but not an excluded one', () => {
    const form = { ...firstForm(preview), id: null }
    const renamed = {
      ...form,
      columns: form.columns.map((c) => (c.source === 'rank' ? { ...c, name: 'word' } : c)),
    }
    expect(columnProblems(renamed).size).toBe(2)
    expect(toPlan(renamed)).toBeNull()
    const without = {
      ...renamed,
      columns: renamed.columns.map((c) => (c.source === 'word' ? { ...c, included: false } : c)),
    }
    expect(toPlan(without)?.columns.map((c) => [c.source, c.name])).toEqual([
      ['rank', 'word'],
      ['vec2', 'vec2'],
    ])
  })

  it('finds names for what is new', () => {
    expect(nameFromFile('my words.parquet')).toBe('my words')
    expect(nameFromFile('.csv')).toBe('vectors')
    expect(unusedName('words', ['words', 'words 2'])).toBe('words 3')
  })
})
