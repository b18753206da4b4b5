import { type Appearance, OPACITY_GLSL } from './appearance.ts'
import type { Rgb } from './palette.ts'
import { DIM_STRENGTH, NORMAL, SELECTED_RADIUS, SELECTED_WEIGHT } from './raster.ts'
import type { ScatterEvents } from './scatter.ts'
import { ScatterBase } from './scatter-base.ts'
import type { View } from './view.ts'

/** Drivers that draw on the CPU: our own raster is many times faster than they are. */
const SOFTWARE = /swiftshader|llvmpipe|softpipe|software|lavapipe|basic render/i

/**
 * A WebGL2 context on a real GPU that can sum in half floats; null otherwise. With `force`, software drivers pass.
 */
export function openWebGl(canvas: HTMLCanvasElement, force: boolean): WebGL2RenderingContext | null {
  const gl = canvas.getContext('webgl2', {
    alpha: true,
    premultipliedAlpha: true,
    antialias: false,
    depth: false,
    stencil: false,
    powerPreference: 'high-performance',
    failIfMajorPerformanceCaveat: !force,
  })
  if (!gl) return null
  if (!gl.getExtension('EXT_color_buffer_float') && !gl.getExtension('EXT_color_buffer_half_float'))
    return null
  if (!force) {
    const info = gl.getExtension('WEBGL_debug_renderer_info')
    const name: unknown = gl.getParameter(info ? info.UNMASKED_RENDERER_WEBGL : gl.RENDERER)
    if (typeof name !== 'string' || SOFTWARE.test(name)) {
      gl.getExtension('WEBGL_lose_context')?.loseContext()
      return null
    }
  }
  return gl
}

/** Sums coverage and coloured coverage of the points of one layer; blending adds. */
const POINTS_VERTEX = `#version 300 es
layout(location = 0) in vec2 to;
layout(location = 1) in vec2 from;
layout(location = 2) in uint code;
layout(location = 3) in uint state;
uniform vec2 centre;
uniform vec2 clip;
uniform float t;
uniform float radius;
uniform bool dimmed;
uniform sampler2D palette;
out vec3 colour;
flat out float r;
flat out float weight;
void main() {
  bool out_of_layer = (state == 0u) != dimmed;
  bool chosen = state > ${NORMAL}u;
  vec2 at = mix(from, to, t);
  r = chosen ? radius * ${SELECTED_RADIUS.toFixed(2)} : radius;
  weight = chosen ? ${SELECTED_WEIGHT.toFixed(2)} : 1.0;
  colour = texelFetch(palette, ivec2(int(code), 0), 0).rgb;
  gl_PointSize = 2.0 * r + 2.0;
  gl_Position = out_of_layer ? vec4(2.0, 2.0, 2.0, 1.0) : vec4((at - centre) * clip, 0.0, 1.0);
}`

const POINTS_FRAGMENT = `#version 300 es
precision highp float;
in vec3 colour;
flat in float r;
flat in float weight;
out vec4 sum;
void main() {
  float d = length(gl_PointCoord - 0.5) * (2.0 * r + 2.0);
  float w = smoothstep(r + 0.75, r - 0.75, d) * weight;
  sum = vec4(colour * w, w);
}`

const TONE_VERTEX = `#version 300 es
void main() {
  gl_Position = vec4(gl_VertexID == 1 ? 3.0 : -1.0, gl_VertexID == 2 ? 3.0 : -1.0, 0.0, 1.0);
}`

const TONE_FRAGMENT = `#version 300 es
precision highp float;
uniform sampler2D sums;
uniform vec3 single;
uniform float alone;
uniform float full;
uniform bool dimmed;
out vec4 pixel;
${OPACITY_GLSL}
void main() {
  vec4 s = texelFetch(sums, ivec2(gl_FragCoord.xy), 0);
  if (s.a <= 0.0) discard;
  float a = opacity(s.a, alone, full);
  if (dimmed) pixel = vec4(single, 1.0) * a * ${DIM_STRENGTH.toFixed(3)};
  else pixel = vec4(vivid(s.rgb / s.a, s.a, full), 1.0) * a;
}`

interface Program {
  program: WebGLProgram
  at: (name: string) => WebGLUniformLocation | null
}

/** The backend on a GPU: one draw of points per layer into sums, one triangle that tones them. */
export class WebGlScatter extends ScatterBase {
  readonly kind = 'webgl2'
  readonly #canvas: HTMLCanvasElement
  readonly #gl: WebGL2RenderingContext
  readonly #points: Program
  readonly #tone: Program
  readonly #array: WebGLVertexArrayObject
  readonly #empty: WebGLVertexArrayObject
  readonly #buffers: WebGLBuffer[]
  readonly #target: WebGLFramebuffer
  readonly #sums: WebGLTexture
  readonly #paletteTexture: WebGLTexture
  #count = 0
  #moving = false
  #anyDim = false
  #dimColour: Rgb = [128, 128, 128]
  #width = 0
  #height = 0
  #lost = false

  constructor(
    host: HTMLElement,
    canvas: HTMLCanvasElement,
    gl: WebGL2RenderingContext,
    events: ScatterEvents,
  ) {
    super(events)
    this.#canvas = canvas
    this.#gl = gl
    canvas.setAttribute('aria-hidden', 'true')
    Object.assign(canvas.style, { position: 'absolute', left: '0', top: '0', pointerEvents: 'none' })
    host.append(canvas)
    canvas.addEventListener('webglcontextlost', this.#onLost)
    this.#points = link(gl, POINTS_VERTEX, POINTS_FRAGMENT)
    this.#tone = link(gl, TONE_VERTEX, TONE_FRAGMENT)
    this.#array = gl.createVertexArray()
    this.#empty = gl.createVertexArray()
    this.#buffers = [0, 1, 2, 3].map(() => gl.createBuffer())
    this.#target = gl.createFramebuffer()
    this.#sums = gl.createTexture()
    this.#paletteTexture = gl.createTexture()
  }

  #onLost = (event: Event): void => {
    event.preventDefault()
    this.#lost = true
    this.events.lost?.()
  }

  #fill(slot: number, data: Float32Array | Uint8Array): void {
    const gl = this.#gl
    gl.bindBuffer(gl.ARRAY_BUFFER, this.#buffers[slot] as WebGLBuffer)
    gl.bufferData(gl.ARRAY_BUFFER, data, gl.DYNAMIC_DRAW)
  }

  protected uploadPoints(xy: Float32Array, from: Float32Array | null): void {
    const count = xy.length >> 1
    if (count !== this.#count) {
      this.#count = count
      this.uploadCodes(this.codes?.length === count ? this.codes : null)
      this.uploadStates(this.states?.length === count ? this.states : null)
    }
    this.#moving = from !== null
    this.#fill(0, xy)
    this.#fill(1, from ?? new Float32Array(0))
  }

  protected uploadCodes(codes: Uint8Array | null): void {
    this.#fill(2, codes ?? new Uint8Array(this.#count))
  }

  protected uploadStates(states: Uint8Array | null): void {
    this.#anyDim = states?.includes(0) ?? false
    this.#fill(3, states ?? new Uint8Array(this.#count).fill(NORMAL))
  }

  protected uploadStyle(palette: Uint8Array, dim: Rgb): void {
    const gl = this.#gl
    this.#dimColour = dim
    const texels = new Uint8Array(256 * 4).fill(255)
    for (let i = 0; i < 256; i++) texels.set(palette.subarray(i * 3, i * 3 + 3), i * 4)
    gl.bindTexture(gl.TEXTURE_2D, this.#paletteTexture)
    gl.texImage2D(gl.TEXTURE_2D, 0, gl.RGBA8, 256, 1, 0, gl.RGBA, gl.UNSIGNED_BYTE, texels)
    plain(gl)
  }

  #resize(width: number, height: number): void {
    if (width === this.#width && height === this.#height) return
    const gl = this.#gl
    this.#width = width
    this.#height = height
    this.#canvas.width = width
    this.#canvas.height = height
    gl.bindTexture(gl.TEXTURE_2D, this.#sums)
    gl.texImage2D(gl.TEXTURE_2D, 0, gl.RGBA16F, width, height, 0, gl.RGBA, gl.HALF_FLOAT, null)
    plain(gl)
    gl.bindFramebuffer(gl.FRAMEBUFFER, this.#target)
    gl.framebufferTexture2D(gl.FRAMEBUFFER, gl.COLOR_ATTACHMENT0, gl.TEXTURE_2D, this.#sums, 0)
  }

  protected draw(view: View, ratio: number, look: Appearance, t: number): boolean {
    const gl = this.#gl
    if (this.#lost || gl.isContextLost()) return false
    const start = performance.now()
    this.#resize(Math.max(1, Math.round(view.width * ratio)), Math.max(1, Math.round(view.height * ratio)))
    this.#canvas.style.width = `${view.width}px`
    this.#canvas.style.height = `${view.height}px`
    gl.viewport(0, 0, this.#width, this.#height)
    gl.bindFramebuffer(gl.FRAMEBUFFER, null)
    gl.clearColor(0, 0, 0, 0)
    gl.clear(gl.COLOR_BUFFER_BIT)
    if (this.#anyDim) this.#layer(true, view, ratio, look, t)
    this.#layer(false, view, ratio, look, t)
    this.events.drawn?.(view, performance.now() - start)
    return true
  }

  #layer(dimmed: boolean, view: View, ratio: number, look: Appearance, t: number): void {
    const gl = this.#gl
    gl.bindFramebuffer(gl.FRAMEBUFFER, this.#target)
    gl.clearColor(0, 0, 0, 0)
    gl.clear(gl.COLOR_BUFFER_BIT)
    gl.enable(gl.BLEND)
    gl.blendFunc(gl.ONE, gl.ONE)
    use(gl, this.#points)
    gl.bindVertexArray(this.#array)
    this.#attributes(t < 1 && this.#moving)
    gl.activeTexture(gl.TEXTURE0)
    gl.bindTexture(gl.TEXTURE_2D, this.#paletteTexture)
    gl.uniform1i(this.#points.at('palette'), 0)
    gl.uniform2f(this.#points.at('centre'), view.x, view.y)
    gl.uniform2f(this.#points.at('clip'), (2 * view.scale) / view.width, (2 * view.scale) / view.height)
    gl.uniform1f(this.#points.at('t'), this.#moving ? t : 1)
    gl.uniform1f(this.#points.at('radius'), look.radius * ratio)
    gl.uniform1i(this.#points.at('dimmed'), dimmed ? 1 : 0)
    gl.drawArrays(gl.POINTS, 0, this.#count)

    gl.bindFramebuffer(gl.FRAMEBUFFER, null)
    gl.blendFunc(gl.ONE, gl.ONE_MINUS_SRC_ALPHA)
    use(gl, this.#tone)
    gl.bindVertexArray(this.#empty)
    gl.bindTexture(gl.TEXTURE_2D, this.#sums)
    gl.uniform1i(this.#tone.at('sums'), 0)
    const [red, green, blue] = this.#dimColour
    gl.uniform3f(this.#tone.at('single'), red / 255, green / 255, blue / 255)
    gl.uniform1f(this.#tone.at('alone'), look.alone)
    gl.uniform1f(this.#tone.at('full'), look.full)
    gl.uniform1i(this.#tone.at('dimmed'), dimmed ? 1 : 0)
    gl.drawArrays(gl.TRIANGLES, 0, 3)
  }

  #attributes(moving: boolean): void {
    const gl = this.#gl
    const [to, from, codes, states] = this.#buffers as [WebGLBuffer, WebGLBuffer, WebGLBuffer, WebGLBuffer]
    for (let slot = 0; slot < 4; slot++) gl.enableVertexAttribArray(slot)
    gl.bindBuffer(gl.ARRAY_BUFFER, to)
    gl.vertexAttribPointer(0, 2, gl.FLOAT, false, 0, 0)
    gl.bindBuffer(gl.ARRAY_BUFFER, moving ? from : to)
    gl.vertexAttribPointer(1, 2, gl.FLOAT, false, 0, 0)
    gl.bindBuffer(gl.ARRAY_BUFFER, codes)
    gl.vertexAttribIPointer(2, 1, gl.UNSIGNED_BYTE, 0, 0)
    gl.bindBuffer(gl.ARRAY_BUFFER, states)
    gl.vertexAttribIPointer(3, 1, gl.UNSIGNED_BYTE, 0, 0)
  }

  protected dispose(): void {
    this.#canvas.removeEventListener('webglcontextlost', this.#onLost)
    this.#gl.getExtension('WEBGL_lose_context')?.loseContext()
    this.#canvas.remove()
  }
}

function plain(gl: WebGL2RenderingContext): void {
  gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_MIN_FILTER, gl.NEAREST)
  gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_MAG_FILTER, gl.NEAREST)
  gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_WRAP_S, gl.CLAMP_TO_EDGE)
  gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_WRAP_T, gl.CLAMP_TO_EDGE)
}

function link(gl: WebGL2RenderingContext, vertex: string, fragment: string): Program {
  const program = gl.createProgram()
  for (const [kind, source] of [
    [gl.VERTEX_SHADER, vertex],
    [gl.FRAGMENT_SHADER, fragment],
  ] as const) {
    const shader = gl.createShader(kind)
    if (!shader) continue
    gl.shaderSource(shader, source)
    gl.compileShader(shader)
    gl.attachShader(program, shader)
  }
  gl.linkProgram(program)
  if (!gl.getProgramParameter(program, gl.LINK_STATUS) && !gl.isContextLost()) {
    throw new Error(`The map's shaders do not link: ${gl.getProgramInfoLog(program) ?? ''}`)
  }
  const known = new Map<string, WebGLUniformLocation | null>()
  return {
    program,
    at: (name) => {
      if (!known.has(name)) known.set(name, gl.getUniformLocation(program, name))
      return known.get(name) ?? null
    },
  }
}

function use(gl: WebGL2RenderingContext, { program }: Program): void {
  // biome-ignore lint/correctness/useHookAtTopLevel: a WebGL call, not a hook of React.
  gl.useProgram(program)
}
