import type { Appearance } from './appearance.ts'
import type { Rgb } from './palette.ts'
import type { FromRaster, ToRaster } from './raster-worker.ts'
import type { ScatterEvents } from './scatter.ts'
import { ScatterBase } from './scatter-base.ts'
import { carry, type View } from './view.ts'

/** Device pixels of one picture; above it we draw at the CSS resolution. */
const PIXELS_MAX = 6_000_000

/**
 * The backend without a GPU. A worker draws; until its picture is there, the last one is carried along with the view
 * by a CSS transform, so that panning and zooming never wait.
 */
export class RasterScatter extends ScatterBase {
  readonly kind = 'raster'
  readonly #canvas: HTMLCanvasElement
  readonly #context: CanvasRenderingContext2D | null
  readonly #worker: Worker
  /** The pixel buffer, while it is not with the worker. */
  #buffer: ArrayBuffer | null = null
  #busy = false
  #again = false
  #drawn: View | null = null

  constructor(host: HTMLElement, events: ScatterEvents) {
    super(events)
    this.#canvas = host.ownerDocument.createElement('canvas')
    this.#canvas.setAttribute('aria-hidden', 'true')
    Object.assign(this.#canvas.style, {
      position: 'absolute',
      left: '0',
      top: '0',
      transformOrigin: '0 0',
      pointerEvents: 'none',
    })
    host.append(this.#canvas)
    this.#context = this.#canvas.getContext('2d')
    this.#worker = new Worker(new URL('./raster-worker.ts', import.meta.url), { type: 'module' })
    this.#worker.onmessage = ({ data }: MessageEvent<FromRaster>) => this.#arrived(data)
  }

  #send(message: ToRaster, transfer: Transferable[] = []): void {
    this.#worker.postMessage(message, transfer)
  }

  protected uploadPoints(xy: Float32Array, from: Float32Array | null): void {
    this.#send({ type: 'points', xy, from })
  }

  protected uploadCodes(codes: Uint8Array | null): void {
    this.#send({ type: 'codes', codes })
  }

  protected uploadStates(states: Uint8Array | null): void {
    this.#send({ type: 'states', states })
  }

  protected uploadStyle(palette: Uint8Array, dim: Rgb): void {
    this.#send({ type: 'style', style: { palette, dim } })
  }

  override setView(view: View, ratio: number): void {
    super.setView(view, ratio)
    this.#carry()
  }

  #carry(): void {
    if (!this.#drawn) return
    const { scale, x, y } = carry(this.#drawn, this.view)
    this.#canvas.style.transform = `translate(${x}px, ${y}px) scale(${scale})`
  }

  protected draw(view: View, ratio: number, look: Appearance, t: number): boolean {
    if (this.#busy) {
      this.#again = true
      return false
    }
    this.#busy = true
    const sharp = view.width * view.height * ratio * ratio <= PIXELS_MAX ? ratio : 1
    const width = Math.max(1, Math.round(view.width * sharp))
    const height = Math.max(1, Math.round(view.height * sharp))
    const buffer = this.#buffer
    this.#buffer = null
    this.#send({ type: 'render', buffer, width, height, view, ratio: sharp, look, t }, buffer ? [buffer] : [])
    // While points travel, the next frame is asked for when this one is there.
    if (t < 1) this.#again = true
    return t >= 1
  }

  #arrived({ buffer, width, height, view, took }: FromRaster): void {
    this.#busy = false
    const canvas = this.#canvas
    if (canvas.width !== width || canvas.height !== height) {
      canvas.width = width
      canvas.height = height
    }
    canvas.style.width = `${view.width}px`
    canvas.style.height = `${view.height}px`
    this.#context?.putImageData(new ImageData(new Uint8ClampedArray(buffer), width, height), 0, 0)
    this.#buffer = buffer
    this.#drawn = view
    this.#carry()
    this.events.drawn?.(view, took)
    if (this.#again) {
      this.#again = false
      this.invalidate()
    }
  }

  protected dispose(): void {
    this.#worker.terminate()
    this.#canvas.remove()
  }
}
