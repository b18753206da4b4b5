import type { CopyResult, GrantInfo } from '../../contract/index.ts'
import { engine } from '../client/engine.ts'
import { shell } from '../client/shell.ts'
import { bytes } from '../ui/format.ts'
import { say } from './toast.ts'
import { useView } from './view.ts'

/** Snapshots, restored and repaired stores: whole folders, made by jobs at places that the person chose. */

export type CopyKind = 'snapshot' | 'restore' | 'repair'

/** Where the snapshots of running jobs go. */
const places = new Map<string, GrantInfo>()

/** "words 2026-11-25" for a snapshot of words.db. */
export function copyName(name: string, kind: CopyKind, nowMs: number): string {
  const stem = name.replace(/\.db$/, '')
  if (kind === 'snapshot') return `${stem} ${day(nowMs)}`
  return `${stem} ${kind === 'restore' ? 'restored' : 'repaired'}`
}

function day(ms: number): string {
  const date = new Date(ms)
  const two = (value: number) => String(value).padStart(2, '0')
  return `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`
}

/** Starts a snapshot of the open store. Its end is said in a toast. */
export async function startSnapshot(place: GrantInfo): Promise<string> {
  const { store } = useView.getState()
  if (!store) return ''
  const { job } = await engine.call('store.snapshot', { store: store.store, grant: place.grant })
  places.set(job, place)
  return job
}

export function saySnapshot(job: string, result: CopyResult): void {
  const place = places.get(job)
  places.delete(job)
  const text = `Snapshot saved${place ? ` as ${place.name}` : ''}, ${bytes(result.bytes)}`
  if (!place) say(text)
  else say(text, { label: 'Show', run: () => void shell('revealStore', place.grant).catch(() => undefined) })
}
