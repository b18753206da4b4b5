import {
  type ColumnType,
  type ImportPlan,
  type ImportPreview,
  LIMITS,
  type Metric,
} from '../../../contract/index.ts'

/** The import dialog's form, apart from its looks: a first guess from the preview, checks, and the plan. */

export interface PlanColumn {
  source: string
  name: string
  type: ColumnType
  included: boolean
  /** Of a column of vectors. */
  dimension?: number
  metric?: Metric
}

export interface PlanForm {
  vector: string | null
  id: string | null
  metric: Metric
  columns: PlanColumn[]
  onError: 'stop' | 'skip'
}

/** Types that a field may be given. */
export const FIELD_TYPES: readonly ColumnType[] = ['text', 'int', 'float', 'bool', 'timestamp', 'json']

const TYPE_NAMES: Record<ColumnType, string> = {
  text: 'Text',
  int: 'Whole number',
  float: 'Number',
  bool: 'True or false',
  timestamp: 'Time',
  json: 'JSON',
  vector: 'Vector',
}

export function typeName(type: ColumnType): string {
  return TYPE_NAMES[type]
}

export function firstForm(preview: ImportPreview): PlanForm {
  return {
    vector: preview.vector?.column ?? null,
    id: preview.id?.column ?? null,
    metric: preview.metric.metric,
    columns: preview.columns.map(({ name, type, dimension }) => {
      const vector = preview.vectorCandidates.find((candidate) => candidate.column === name)
      return {
        source: name,
        name: name.slice(0, LIMITS.nameCharsMax),
        type,
        included: type !== 'vector' || vector?.planned === true,
        ...(type === 'vector' && { dimension, metric: vector?.metric.metric ?? preview.metric.metric }),
      }
    }),
    onError: 'stop',
  }
}

/** Another column holds the first vector; the one before goes in as a further one. */
export function withVector(form: PlanForm, vector: string): PlanForm {
  const metric = form.columns.find((column) => column.source === vector)?.metric ?? form.metric
  return {
    ...form,
    vector,
    metric,
    id: form.id === vector ? null : form.id,
    columns: form.columns.map((column) =>
      column.source === form.vector ? { ...column, metric: form.metric } : column,
    ),
  }
}

/** Columns that go in beside the first vector and the id: further vectors and fields. */
export function fields(form: PlanForm): PlanColumn[] {
  return form.columns.filter((column) => column.source !== form.vector && column.source !== form.id)
}

/** Columns whose values can be ids. */
export function idChoices(preview: ImportPreview, form: PlanForm): string[] {
  return preview.columns
    .filter((column) => (column.type === 'int' || column.type === 'text') && column.name !== form.vector)
    .map((column) => column.name)
}

/** What is wrong with a new name among `taken`, or null. */
export function nameProblem(name: string, taken: readonly string[]): string | null {
  if (name.trim() === '') return 'A name is needed.'
  if (name !== name.trim()) return 'A name cannot begin or end with a space.'
  if (name.length > LIMITS.nameCharsMax) return `A name has at most ${LIMITS.nameCharsMax} characters.`
  if (taken.includes(name)) return `“${name}” is already there.`
  return null
}

/** The problem of each included field by its source name. */
export function columnProblems(form: PlanForm): Map<string, string> {
  const problems = new Map<string, string>()
  const included = fields(form).filter((column) => column.included)
  for (const column of included) {
    const others = included.filter((other) => other !== column).map((other) => other.name)
    const idName = form.id === null ? [] : [form.id]
    const problem = nameProblem(column.name, [...others, ...idName])
    if (problem) problems.set(column.source, problem)
  }
  return problems
}

export function toPlan(form: PlanForm): ImportPlan | null {
  if (form.vector === null || columnProblems(form).size > 0) return null
  return {
    vector: form.vector,
    id: form.id,
    metric: form.metric,
    columns: fields(form)
      .filter((column) => column.included)
      .map(({ source, name, type, dimension, metric }) =>
        type === 'vector' ? { source, name, type, dimension, metric } : { source, name, type },
      ),
    onError: form.onError,
  }
}

/** A name for the collection, and for a new store, after the file: "my words.parquet" → "my words". */
export function nameFromFile(file: string): string {
  const stem = file.replace(/\.(parquet|csv|tsv|jsonl|ndjson|json|npy|fvecs)(\.gz)?$/i, '')
  const clean = stem.replace(/[\p{Cc}/\\]/gu, ' ').trim()
  return clean.slice(0, 64) || 'vectors'
}

/** `name`, or with the first number that makes it new. */
export function unusedName(name: string, taken: readonly string[]): string {
  if (!taken.includes(name)) return name
  for (let n = 2; ; n++) if (!taken.includes(`${name} ${n}`)) return `${name} ${n}`
}
