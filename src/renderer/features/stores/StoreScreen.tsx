import {
  Camera,
  CircleCheck,
  Database,
  FileInput,
  FolderSearch,
  MoreHorizontal,
  ShieldCheck,
  Shrink,
} from 'lucide-react'
import { useState } from 'react'
import { AppError, type CollectionInfo, type StoreInfo, type VerifyReport } from '../../../contract/index.ts'
import { engine } from '../../client/engine.ts'
import { shell } from '../../client/shell.ts'
import { openGrant } from '../../state/actions.ts'
import { askDrop } from '../../state/changes.ts'
import { useView, whyNotNow } from '../../state/view.ts'
import { Button, IconButton, Menu, Tip } from '../../ui/controls.tsx'
import { bytes, count, counted, metricName } from '../../ui/format.ts'
import { Empty, ErrorNote } from '../../ui/pieces.tsx'
import styles from './stores.module.css'

/** The open store: its collections, its size, and whether it is whole. */
export function StoreScreen({ store }: { store: StoreInfo }) {
  const grant = useView((view) => view.grant)
  const [error, setError] = useState<AppError | null>(null)
  const [report, setReport] = useState<VerifyReport | null>(null)
  const [verifying, setVerifying] = useState(false)
  const fail = (thrown: unknown) => setError(AppError.from(thrown))
  const why = store.readOnly ? whyNotNow({ store, looking: null }) : null
  const { setDialog } = useView.getState()
  const rows = store.collections.reduce((sum, one) => sum + one.rows, 0)

  async function verify() {
    setVerifying(true)
    setReport(null)
    setError(null)
    try {
      setReport(await engine.call('store.verify', { store: store.store }))
    } catch (thrown) {
      fail(thrown)
    } finally {
      setVerifying(false)
    }
  }

  function repair(token: string) {
    const from = { grant: token, name: store.name, path: store.path }
    setDialog({ kind: 'copy', copy: 'repair', from })
  }

  async function importFile() {
    const file = await shell('pickFile')
    if (file) await openGrant(file)
  }

  return (
    <div className={styles.store}>
      <div className={styles.storeInner}>
        <header className={styles.storeHead}>
          <div className={styles.storeTitle}>
            <h1 className={styles.title}>{store.name}</h1>
            <p className={styles.path}>{store.path}</p>
          </div>
          <Tip label="Read every file of the store and compare its checksums">
            <Button disabled={verifying} data-verify onClick={() => void verify()}>
              <ShieldCheck size={14} aria-hidden="true" /> {verifying ? 'Verifying…' : 'Verify'}
            </Button>
          </Tip>
          <Tip label="A copy of the whole store, made while it is in use">
            <Button onClick={() => setDialog({ kind: 'copy', copy: 'snapshot', from: null })}>
              <Camera size={14} aria-hidden="true" /> Save a snapshot…
            </Button>
          </Tip>
          <Button why={why} onClick={() => setDialog({ kind: 'compact' })}>
            <Shrink size={14} aria-hidden="true" /> Compact…
          </Button>
          {grant && (
            <IconButton
              label="Show in the file manager"
              onClick={() => void shell('revealStore', grant).catch(fail)}
            >
              <FolderSearch size={16} />
            </IconButton>
          )}
        </header>
        {error && <ErrorNote error={error} />}
        {report && <Report report={report} onRepair={grant === null ? null : () => repair(grant)} />}
        <dl className={styles.facts}>
          <Fact name="Rows" value={count(rows)} />
          <Fact name="On disk" value={bytes(store.diskBytes)} />
          <Fact name="Write-ahead log" value={bytes(store.walBytes)} />
          <Fact name="History" value={counted(store.history.entries, 'change')} />
          <Fact name="Free on this disk" value={bytes(store.freeBytes)} />
        </dl>
        {store.collections.length === 0 ? (
          <div className={styles.empty}>
            <Empty
              icon={<Database size={24} aria-hidden="true" />}
              title="No collections yet"
              action={
                <Button look="primary" why={why} onClick={() => void importFile().catch(fail)}>
                  Choose a file…
                </Button>
              }
            >
              A collection holds the rows and vectors of a file. Drop one anywhere, or choose it.
            </Empty>
          </div>
        ) : (
          <section>
            <div className={styles.sectionHead}>
              <h2>Collections</h2>
              <Button look="quiet" why={why} onClick={() => void importFile().catch(fail)}>
                <FileInput size={14} aria-hidden="true" /> Import a file…
              </Button>
            </div>
            <table className={styles.collections}>
              <thead>
                <tr>
                  <th scope="col">Name</th>
                  <th scope="col" className={styles.number}>
                    Rows
                  </th>
                  <th scope="col">Vectors</th>
                  <th scope="col">Index</th>
                  <th scope="col" className={styles.number}>
                    Columns
                  </th>
                  <th>
                    <span className="visually-hidden">Actions</span>
                  </th>
                </tr>
              </thead>
              <tbody>
                {store.collections.map((collection) => (
                  <CollectionLine key={collection.name} store={store} collection={collection} why={why} />
                ))}
              </tbody>
            </table>
          </section>
        )}
      </div>
    </div>
  )
}

function Fact({ name, value }: { name: string; value: string }) {
  return (
    <div className={styles.fact}>
      <dt>{name}</dt>
      <dd>{value}</dd>
    </div>
  )
}

/** What verifying found. Damage to what can be built again is told apart from damage to rows. */
function Report({ report, onRepair }: { report: VerifyReport; onRepair: (() => void) | null }) {
  if (report.problems.length === 0) {
    return (
      <p className={styles.verified}>
        <CircleCheck size={15} aria-hidden="true" /> Every checksum is right: {counted(report.files, 'file')},{' '}
        {bytes(report.bytes)}.
        {report.notes.length > 0 && (
          <span title={report.notes.join('\n')}>
            {counted(report.notes.length, 'leftover')} of no harm {report.notes.length === 1 ? 'is' : 'are'}{' '}
            there as well.
          </span>
        )}
      </p>
    )
  }
  const rows = report.problems.filter((problem) => !problem.derived).length
  return (
    <ErrorNote
      error={
        new AppError({
          code: 'CORRUPT',
          message: `${counted(report.problems.length, 'problem')} in ${counted(report.files, 'file')}: ${report.problems
            .slice(0, 3)
            .map((problem) => `${problem.file}: ${problem.what}`)
            .join('; ')}.`,
          remedy:
            rows === 0
              ? 'No row is lost. Nothing was changed.'
              : 'Nothing was changed. Repair copies what is sound into a new store and leaves this one as it is.',
          detail: { problems: report.problems.slice(0, 100), notes: report.notes.slice(0, 100) },
        })
      }
      action={onRepair && <Button onClick={onRepair}>Repair into a new store…</Button>}
    />
  )
}

function CollectionLine({
  store,
  collection,
  why,
}: {
  store: StoreInfo
  collection: CollectionInfo
  why: string | null
}) {
  const { vectors } = collection
  const show = () => useView.getState().setCollection(collection.name)
  return (
    <tr onDoubleClick={show}>
      <td>
        <button type="button" className={styles.nameButton} onClick={show}>
          {collection.name}
        </button>
      </td>
      <td className={styles.number}>{count(collection.rows)}</td>
      <td>
        {vectors.map(({ name, dimension, metric }) => (
          <div key={name} className={styles.vectorLine}>
            {vectors.length > 1 && (
              <span className={styles.vectorName} title={name}>
                {name}
              </span>
            )}
            <span>
              {dimension}-d · {metricName(metric)}
            </span>
          </div>
        ))}
      </td>
      <td className={styles.secondary}>
        {vectors.map(({ name, index }) => (
          <div key={name}>{indexState(index)}</div>
        ))}
      </td>
      <td className={styles.number}>{count(collection.columns.length)}</td>
      <td className={styles.number}>
        <Menu
          align="end"
          trigger={
            <button type="button" aria-label={`More about ${collection.name}`} className={styles.moreButton}>
              <MoreHorizontal size={16} aria-hidden="true" />
            </button>
          }
          groups={[
            { entries: [{ label: 'Open', run: show }] },
            {
              entries: [
                {
                  label: 'Delete the collection',
                  danger: true,
                  why,
                  run: () => askDrop(store.store, collection.name),
                },
              ],
            },
          ]}
        />
      </td>
    </tr>
  )
}

export function indexState(index: CollectionInfo['vectors'][number]['index']): string {
  if (index.state === 'ready') return 'ready'
  return index.state === 'building'
    ? `building, ${Math.floor(index.progress * 100)} %`
    : 'none: search is exact'
}
