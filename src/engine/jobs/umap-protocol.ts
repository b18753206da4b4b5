import type { AppErrorData, MapParams } from '../../contract/index.ts'
import type { Neighbours } from './fuzzy.ts'

/** What the engine and the layout's worker thread say to each other. */

/** Start of a layout (the worker's `workerData`). */
export interface LayoutTask {
  graph: Neighbours
  /** x0, y0, x1, y1, … scaled by `startPicture`. */
  start: Float32Array
  params: MapParams
  seed: number
  /**
   * One shared 32-bit integer: how many frames the engine has passed on. The worker sends the next frame only
   * when all earlier ones were, so a slow receiver gets fewer frames and never a queue.
   */
  acknowledged: Int32Array
}

export type FromLayout =
  | { type: 'frame'; epoch: number; epochs: number; xy: Float32Array }
  | { type: 'done'; epoch: number; epochs: number; xy: Float32Array }
  | { type: 'failed'; error: AppErrorData }

/** At least this long between two frames, milliseconds. */
export const FRAME_EVERY_MS = 120
