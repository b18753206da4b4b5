import type { NativeLayout } from '../addon.ts'
import type { JobHandle } from './jobs.ts'
import { nativeJob } from './native.ts'
import { FRAME_EVERY_MS } from './umap-protocol.ts'

/** Rows for each of which the pause between two frames grows by one shortest pause: larger pictures take longer to send. */
const ROWS_A_PAUSE = 250_000

/**
 * Runs the engine's own layout to its end, or until the job is stopped, and looks at it on the way. Gives the points and the epochs that are done.
 */
export async function runNative(
  job: JobHandle,
  layout: NativeLayout,
  rows: number,
  onFrame: (epoch: number, xy: Float32Array) => void,
): Promise<{ xy: Float32Array; epoch: number }> {
  let shown = -1
  const look = () => {
    const xy = new Float32Array(rows * 2)
    const epoch = layout.xy(xy)
    if (epoch > shown) onFrame(epoch, xy)
    shown = epoch
    return xy
  }
  const pause = FRAME_EVERY_MS * Math.max(1, rows / ROWS_A_PAUSE)
  const looking = setInterval(look, pause)
  job.onStop(() => layout.stop())
  try {
    const epoch = await layout.run(nativeJob(job, 'epochs', 'layout'))
    return { xy: look(), epoch }
  } finally {
    job.onStop(null)
    clearInterval(looking)
  }
}
