import { Hash, Waypoints } from 'lucide-react'
import type { Cell, ImportPreview, PreviewColumn, VectorCell } from '../../../contract/index.ts'
import { Checkbox, cx, Select, TextField, Tip } from '../../ui/controls.tsx'
import { cell, counted, measure, metricTitle } from '../../ui/format.ts'
import { VectorPicture } from '../../ui/pieces.tsx'
import styles from './import.module.css'
import { FIELD_TYPES, type PlanColumn, type PlanForm, typeName } from './plan.ts'

const METRICS = ['cosine', 'l2', 'dot'] as const

interface Props {
  preview: ImportPreview
  form: PlanForm
  problems: Map<string, string>
  onColumn: (source: string, change: Partial<PlanColumn>) => void
}

/** The first rows of the file, and above each column what becomes of it. */
export function PreviewTable({ preview, form, problems, onColumn }: Props) {
  const planned = new Map(form.columns.map((column) => [column.source, column]))
  const rank = ({ name, type }: PreviewColumn) => {
    if (name === form.id) return 0
    if (name === form.vector) return 1
    return type === 'vector' && planned.get(name)?.included ? 2 : 3
  }
  // What matters most comes first: the id, the vectors, then the fields as in the file.
  const order = preview.columns
    .map((column, at) => ({ column, at, first: rank(column) }))
    .sort((a, b) => a.first - b.first || a.at - b.at)
  return (
    <div className={styles.tableWrap}>
      <table className={styles.table}>
        <thead>
          <tr>
            {order.map(({ column }) => (
              <th key={column.name} scope="col">
                <ColumnHead
                  name={column.name}
                  sourceType={column.sourceType}
                  dimension={column.dimension}
                  role={column.name === form.vector ? 'vector' : column.name === form.id ? 'id' : 'field'}
                  plan={planned.get(column.name)}
                  problem={problems.get(column.name)}
                  onChange={(change) => onColumn(column.name, change)}
                />
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {preview.sample.map((row, i) => (
            // biome-ignore lint/suspicious/noArrayIndexKey: the rows of a preview never move
            <tr key={i}>
              {order.map(({ column, at, first }) => {
                const plan = planned.get(column.name)
                const out = first > 1 && plan?.included !== true
                const value = row[at] ?? null
                return (
                  <td
                    key={column.name}
                    className={cx(out && styles.out, typeof value === 'number' && styles.number)}
                  >
                    <SampleCell value={value} />
                  </td>
                )
              })}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  )
}

interface HeadProps {
  name: string
  sourceType: string
  dimension: number | undefined
  role: 'vector' | 'id' | 'field'
  plan: PlanColumn | undefined
  problem: string | undefined
  onChange: (change: Partial<PlanColumn>) => void
}

function ColumnHead({ name, sourceType, dimension, role, plan, problem, onChange }: HeadProps) {
  if (role !== 'field' || !plan) {
    return (
      <div className={styles.head}>
        <Tip label={`In the file: ${sourceType}`}>
          <span className={styles.headPlain}>{name}</span>
        </Tip>
        {role === 'vector' && (
          <span className={styles.role}>
            <Waypoints size={12} aria-hidden="true" /> Vector{dimension ? ` · ${dimension}-d` : ''}
          </span>
        )}
        {role === 'id' && (
          <span className={styles.role}>
            <Hash size={12} aria-hidden="true" /> Id
          </span>
        )}
      </div>
    )
  }
  return (
    <div className={styles.head}>
      <div className={styles.headTop}>
        <Tip label={plan.included ? 'Leave this column out' : 'Import this column'}>
          <span style={{ display: 'inline-flex' }}>
            <Checkbox
              label={`Import ${name}`}
              checked={plan.included}
              onChange={(included) => onChange({ included })}
            />
          </span>
        </Tip>
        <Tip label={problem ?? `Name in the collection. In the file: ${name}, ${sourceType}`}>
          <TextField
            aria-label={`Name of ${name}`}
            aria-invalid={problem !== undefined}
            className={styles.headName}
            value={plan.name}
            disabled={!plan.included}
            size={Math.max(6, plan.name.length)}
            onChange={(event) => onChange({ name: event.target.value })}
          />
        </Tip>
      </div>
      {plan.type === 'vector' ? (
        <div className={styles.headVector}>
          <span className={cx(styles.role, !plan.included && styles.out)}>
            <Waypoints size={12} aria-hidden="true" /> Vector{dimension ? ` · ${dimension}-d` : ''}
          </span>
          <Select
            bare
            label={`Metric of ${name}`}
            className={styles.headMetric}
            value={plan.metric ?? 'cosine'}
            disabled={!plan.included}
            options={METRICS.map((metric) => ({ value: metric, label: metricTitle(metric) }))}
            onChange={(metric) => onChange({ metric })}
          />
        </div>
      ) : (
        <Select
          bare
          label={`Type of ${name}`}
          className={styles.headType}
          value={plan.type}
          disabled={!plan.included}
          options={FIELD_TYPES.map((type) => ({ value: type, label: typeName(type) }))}
          onChange={(type) => onChange({ type })}
        />
      )}
    </div>
  )
}

function isVectorCell(value: Cell | VectorCell): value is VectorCell {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false
  return Array.isArray(value.vector) && typeof value.dimension === 'number' && typeof value.norm === 'number'
}

function SampleCell({ value }: { value: Cell | VectorCell }) {
  if (isVectorCell(value)) {
    return (
      <div
        className={styles.vectorCell}
        title={`The first values of ${counted(value.dimension, 'value')}, norm ${measure(value.norm)}`}
      >
        <div style={{ flex: 1, minWidth: 0 }}>
          <VectorPicture vector={value.vector} height={18} />
        </div>
        <span>{measure(value.norm)}</span>
      </div>
    )
  }
  if (value === null) return <span className={styles.missing}>–</span>
  const text = cell(value)
  return <span title={text}>{text}</span>
}
