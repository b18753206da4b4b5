import { create } from 'zustand'
import { engine } from '../../client/engine.ts'
import { collectionOf, useView } from '../../state/view.ts'

/**
 * Maps that are forming. The frames are caught here, from the moment this file is loaded, so that a map goes on
 * forming while another screen is open: only the first frame of a job names its rows.
 */

export interface LiveMap {
  job: string
  stage: 'pca' | 'umap'
  epoch: number
  epochs: number
  rows: Uint32Array
  xy: Float32Array
  /** The job is done; the saved map is on its way. */
  done: boolean
  /** When the map was created that was saved before this one began; null if none was. */
  before: string | null
}

interface LiveState {
  /** By store, collection and name. */
  maps: Record<string, LiveMap>
  drop: (key: string) => void
}

export const mapKey = (store: string, collection: string, name: string): string =>
  `${store}\u0000${collection}\u0000${name}`

export const useLive = create<LiveState>()((set) => ({
  maps: {},
  drop: (key) =>
    set(({ maps }) => {
      const { [key]: _, ...rest } = maps
      return { maps: rest }
    }),
}))

engine.on('map.frame', (frame) => {
  const key = mapKey(frame.store, frame.collection, frame.name)
  const before = useLive.getState().maps[key]
  const same = before?.job === frame.job ? before : null
  const rows = frame.rows ?? same?.rows
  // Without its rows a frame says nothing; this one's first came before the page was there.
  if (!rows || rows.length * 2 !== frame.xy.length) return
  const { job, stage, epoch, epochs, xy } = frame
  const live: LiveMap = {
    job,
    stage,
    epoch,
    epochs,
    rows,
    xy,
    done: false,
    before: same ? same.before : savedAt(frame.store, frame.collection, frame.name),
  }
  useLive.setState(({ maps }) => ({ maps: { ...maps, [key]: live } }))
})

engine.on('job.end', (end) => {
  if (end.kind !== 'map') return
  const found = Object.entries(useLive.getState().maps).find(([, { job }]) => job === end.job)
  if (!found) return
  const [key, live] = found
  if (end.state === 'done') {
    useLive.setState(({ maps }) => ({ maps: { ...maps, [key]: { ...live, done: true } } }))
  } else useLive.getState().drop(key)
})

engine.onReconnect(() => useLive.setState({ maps: {} }))

function savedAt(store: string, collection: string, name: string): string | null {
  const view = useView.getState()
  if (view.store?.store !== store) return null
  const saved = collectionOf({ store: view.store, collection })
  return saved?.maps.find((map) => map.name === name)?.created ?? null
}
