import { useQuery } from '@tanstack/react-query'
import { MousePointerClick, Pencil, Radar, Trash2 } from 'lucide-react'
import { useMemo, useState } from 'react'
import {
  AppError,
  type Cell,
  type CollectionInfo,
  type ColumnType,
  type RowDetail,
  type RowVector,
  type StoreInfo,
} from '../../../contract/index.ts'
import { rowQuery } from '../../client/queries.ts'
import { findSimilar } from '../../state/actions.ts'
import { askDelete } from '../../state/changes.ts'
import { labelColumn, rowLabel } from '../../state/near.ts'
import { useSource, useView, useWhyNot } from '../../state/view.ts'
import { Button, cx, IconButton, Tip } from '../../ui/controls.tsx'
import { cell, count, measure } from '../../ui/format.ts'
import { Bone, CopyButton, Empty, ErrorNote, Panel, VectorPicture } from '../../ui/pieces.tsx'
import { vectorText } from '../../ui/vector.ts'
import { editableType } from './cells.ts'
import { FieldEditor } from './FieldEditor.tsx'
import styles from './inspector.module.css'

interface Props {
  store: StoreInfo
  collection: CollectionInfo
  maximized: boolean
  onMaximize: () => void
}

/** Everything about one row. */
export function Inspector({ store, collection, maximized, onMaximize }: Props) {
  const active = useView((view) => view.active)
  const source = useSource(store, collection.name)
  const row = useQuery({
    ...rowQuery(source, active ?? 0),
    enabled: active !== null,
    // After a change the row stands as it was until it has come anew: a field that is being typed in is not lost.
    placeholderData: (before) => (before?.row === active ? before : undefined),
  })
  return (
    <Panel
      title="Inspector"
      note={active !== null && row.data && `row ${count(active)}`}
      actions={
        row.data && <CopyButton label="Copy the row as JSON" text={() => rowText(row.data, collection)} />
      }
      maximized={maximized}
      onMaximize={onMaximize}
    >
      {active === null ? (
        <Empty icon={<MousePointerClick size={20} aria-hidden="true" />} title="No row chosen">
          Click a row in the table, a point on the map or a result to see all of it.
        </Empty>
      ) : row.error ? (
        <div className={styles.error}>
          <ErrorNote error={AppError.from(row.error)} />
        </div>
      ) : row.data ? (
        <Detail key={row.data.row} row={row.data} collection={collection} />
      ) : (
        <div className={styles.bones}>
          <Bone width="40%" />
          <Bone width="90%" />
          <Bone width="60%" />
          <Bone width="70%" />
        </div>
      )}
    </Panel>
  )
}

function rowText(row: RowDetail, collection: CollectionInfo): string {
  const { id, vectors } = row
  const text = JSON.stringify(
    { [collection.id.column]: id, ...Object.fromEntries(inOrder(row, collection)) },
    null,
    2,
  )
  // Vectors by their shortest digits: JSON would write single precision out in double.
  const lines = vectors.map(({ name, vector }) => `,\n  ${JSON.stringify(name)}: ${vectorText(vector)}`)
  return `${text.slice(0, -2)}${lines.join('')}\n}`
}

function Detail({ row, collection }: { row: RowDetail; collection: CollectionInfo }) {
  const label = rowLabel(row, collection)
  const named = labelColumn(collection)
  // A text that names the row stands above, but below as well where it can be changed.
  const fields = inOrder(row, collection).filter(([name]) => name !== collection.id.column)
  return (
    <div className={styles.body}>
      <div className={styles.head}>
        <p className={styles.sub}>
          {named ?? (collection.id.type === 'rownumber' ? 'row' : collection.id.column)}
        </p>
        <p className={styles.name}>{label}</p>
        {named !== null && named !== collection.id.column && collection.id.type !== 'rownumber' && (
          <p className={styles.sub}>
            {collection.id.column} {row.id}
          </p>
        )}
      </div>
      {row.vectors.map((one) => (
        <VectorBox key={one.name} one={one} named={row.vectors.length > 1} />
      ))}
      <dl className={styles.fields}>
        {fields.map(([name, value]) => (
          <Field key={name} row={row.row} name={name} value={value} type={editableType(collection, name)} />
        ))}
      </dl>
      <div className={styles.foot}>
        <Tip label="Search for the neighbours of this row" keys="F" side="top">
          <Button onClick={() => void findSimilar(row.row, label)}>
            <Radar size={14} aria-hidden="true" /> Find similar
          </Button>
        </Tip>
        <DeleteRow row={row.row} />
      </div>
    </div>
  )
}

/** A vector of the row; with its column's name where there are several. */
function VectorBox({ one: { name, vector, norm }, named }: { one: RowVector; named: boolean }) {
  return (
    <div className={styles.vector} data-vector={name}>
      {named && (
        <p className={styles.vectorName} title={name}>
          {name}
        </p>
      )}
      <VectorPicture vector={vector} height={named ? 40 : 56} />
      <div className={styles.vectorLine}>
        <span>
          norm <strong>{measure(norm)}</strong>
        </span>
        <span>
          <strong>{count(vector.length)}</strong>-d
        </span>
        <Extremes vector={vector} />
        <span className={styles.push} />
        <CopyButton small label={`Copy ${name}`} text={() => vectorText(vector)} />
      </div>
    </div>
  )
}

/** Fields in the order of the table's columns; what has no column comes last. */
function inOrder(row: RowDetail, collection: CollectionInfo): [string, Cell][] {
  const order = new Map(collection.columns.map((column, at) => [column.name, at]))
  const place = (name: string) => order.get(name) ?? order.size
  return Object.entries(row.fields).sort(([a], [b]) => place(a) - place(b))
}

function Extremes({ vector }: { vector: Float32Array }) {
  const [low, high] = useMemo(() => {
    let least = Number.POSITIVE_INFINITY
    let most = Number.NEGATIVE_INFINITY
    for (const value of vector) {
      if (value < least) least = value
      if (value > most) most = value
    }
    return [least, most]
  }, [vector])
  return (
    <span>
      {measure(low)} to {measure(high)}
    </span>
  )
}

interface FieldProps {
  row: number
  name: string
  value: Cell
  /** null: its value cannot be changed here. */
  type: ColumnType | null
}

function Field({ row, name, value, type }: FieldProps) {
  const [editing, setEditing] = useState(false)
  const why = useWhyNot()
  const text = typeof value === 'object' && value !== null ? JSON.stringify(value, null, 2) : cell(value)
  const whole = typeof value === 'number' ? String(value) : text
  if (editing && type !== null && why === null) {
    return (
      <div className={cx(styles.field, styles.fieldEditing)}>
        <dt title={name}>{name}</dt>
        <dd>
          <FieldEditor row={row} column={name} type={type} value={value} onLeave={() => setEditing(false)} />
        </dd>
      </div>
    )
  }
  const edit = () => type !== null && why === null && setEditing(true)
  return (
    <div className={styles.field}>
      <dt title={name}>{name}</dt>
      <dd className={styles.long} onDoubleClick={edit} data-field={name}>
        {value === null ? (
          <span className={styles.null}>no value</span>
        ) : (
          <span
            className={typeof value === 'object' ? 'mono' : undefined}
            title={whole === text ? undefined : whole}
          >
            {text}
          </span>
        )}
      </dd>
      <span className={styles.copy}>
        {type !== null && (
          <IconButton small label={`Change ${name}`} why={why} onClick={edit}>
            <Pencil size={13} />
          </IconButton>
        )}
        {value !== null && <CopyButton small label={`Copy ${name}`} text={() => whole} />}
      </span>
    </div>
  )
}

function DeleteRow({ row }: { row: number }) {
  const why = useWhyNot()
  return (
    <IconButton label="Delete this row" side="top" why={why} onClick={() => askDelete(Uint32Array.of(row))}>
      <Trash2 size={14} />
    </IconButton>
  )
}
