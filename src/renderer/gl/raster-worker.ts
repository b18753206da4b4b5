import type { Appearance } from './appearance.ts'
import { Raster, type RasterStyle } from './raster.ts'
import type { View } from './view.ts'

/** The worker around {@link Raster}. Pixel buffers travel back and forth; none is ever copied. */

export type ToRaster =
  | { type: 'points'; xy: Float32Array; from: Float32Array | null }
  | { type: 'codes'; codes: Uint8Array | null }
  | { type: 'states'; states: Uint8Array | null }
  | { type: 'style'; style: RasterStyle }
  | {
      type: 'render'
      buffer: ArrayBuffer | null
      width: number
      height: number
      view: View
      ratio: number
      look: Appearance
      t: number
    }

export interface FromRaster {
  buffer: ArrayBuffer
  width: number
  height: number
  view: View
  /** Time of the drawing itself, ms. */
  took: number
}

const raster = new Raster()
const scope = self as unknown as {
  onmessage: ((event: MessageEvent<ToRaster>) => void) | null
  postMessage: (message: FromRaster, transfer: Transferable[]) => void
}

scope.onmessage = ({ data }) => {
  if (data.type === 'points') raster.setPoints(data.xy, data.from)
  else if (data.type === 'codes') raster.setCodes(data.codes)
  else if (data.type === 'states') raster.setStates(data.states)
  else if (data.type === 'style') raster.setStyle(data.style)
  else {
    const { width, height, view } = data
    const bytes = width * height * 4
    const buffer = data.buffer?.byteLength === bytes ? data.buffer : new ArrayBuffer(bytes)
    const start = performance.now()
    raster.render(new Uint32Array(buffer), width, height, view, data.ratio, data.look, data.t)
    scope.postMessage({ buffer, width, height, view, took: performance.now() - start }, [buffer])
  }
}
