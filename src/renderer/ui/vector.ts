/** Vectors as people paste them, and as the small pictures that stand for them. */

/** Characters of a paste that are looked at. 65,536 dimensions of 24 characters. */
const PASTE_CHARS_MAX = 2 * 1_024 * 1_024

export type ParsedVector =
  | { kind: 'vector'; vector: Float32Array }
  /** It was meant as a vector, and this is what is wrong with it. */
  | { kind: 'error'; message: string }
  /** Not a vector at all: an id, perhaps. */
  | { kind: 'other' }

const NUMBER = /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i
const NOT_A_NUMBER = /^[+-]?(nan|inf(inity)?)$/i

/**
 * Reads a JSON array or numbers separated by commas, semicolons, tabs, spaces or line ends. One bare number is not
 * a vector: it is an id. `dimension`: what the collection asks for; null: any.
 */
export function parseVector(text: string, dimension: number | null): ParsedVector {
  if (text.length > PASTE_CHARS_MAX) {
    return { kind: 'error', message: 'This text is longer than any vector can be.' }
  }
  const trimmed = text.trim()
  const bracketed = /^[[({]/.test(trimmed)
  const inner = trimmed.replace(/^(?:np\.|numpy\.)?array\(/, '').replace(/^[[({\s]+|[\])}\s,;]+$/g, '')
  const parts = inner.split(/\s*[,;]\s*|\s+/).filter((part) => part !== '')
  if (
    !bracketed &&
    (parts.length < 2 || !parts.every((part) => NUMBER.test(part) || NOT_A_NUMBER.test(part)))
  ) {
    return { kind: 'other' }
  }
  if (parts.length === 0) return { kind: 'error', message: 'The vector is empty.' }
  const vector = new Float32Array(parts.length)
  for (const [i, part] of parts.entries()) {
    if (!NUMBER.test(part)) {
      const what = NOT_A_NUMBER.test(part) ? 'is not a finite number' : 'is not a number'
      return { kind: 'error', message: `Value ${i + 1} of the vector, “${part.slice(0, 20)}”, ${what}.` }
    }
    vector[i] = Number(part)
    if (!Number.isFinite(vector[i])) {
      return { kind: 'error', message: `Value ${i + 1} of the vector, ${part.slice(0, 20)}, is too large.` }
    }
  }
  if (dimension !== null && vector.length !== dimension) {
    return {
      kind: 'error',
      message: `The vector has ${vector.length} values; this collection holds vectors of ${dimension}.`,
    }
  }
  return { kind: 'vector', vector }
}

export function norm(vector: ArrayLike<number>): number {
  let sum = 0
  for (let i = 0; i < vector.length; i++) sum += (vector[i] as number) ** 2
  return Math.sqrt(sum)
}

/** Mean of vectors of one dimension. With `unit`, each counts by its direction alone. */
export function mean(vectors: readonly Float32Array[], unit: boolean): Float32Array {
  const out = new Float32Array(vectors[0]?.length ?? 0)
  for (const vector of vectors) {
    const length = unit ? norm(vector) || 1 : 1
    for (let i = 0; i < out.length; i++)
      out[i] = (out[i] as number) + (vector[i] ?? 0) / length / vectors.length
  }
  return out
}

/**
 * Heights of at most `bars` bars, -1 to 1, scaled to the largest value. Where several values share a bar, the one
 * that is farthest from zero stands for them, so that no peak is lost.
 */
export function barHeights(vector: ArrayLike<number>, bars: number): Float32Array {
  const n = Math.min(Math.max(1, bars), vector.length)
  const out = new Float32Array(n)
  let peak = 0
  for (let i = 0; i < vector.length; i++) {
    const at = Math.floor((i * n) / vector.length)
    const value = vector[i] as number
    if (Math.abs(value) > Math.abs(out[at] as number)) out[at] = value
    if (Math.abs(value) > peak) peak = Math.abs(value)
  }
  if (peak > 0) for (let i = 0; i < n; i++) out[i] = (out[i] as number) / peak
  return out
}

/** All values, as JSON, with the digits that single precision carries and no more. */
export function vectorText(vector: ArrayLike<number>): string {
  const parts = new Array<string>(vector.length)
  for (let i = 0; i < vector.length; i++) parts[i] = shortFloat(vector[i] as number)
  return `[${parts.join(', ')}]`
}

/** The shortest decimal that reads back as the same 32-bit float. */
function shortFloat(value: number): string {
  for (let digits = 6; digits <= 9; digits++) {
    const text = value.toPrecision(digits)
    if (Math.fround(Number(text)) === Math.fround(value)) return String(Number(text))
  }
  return String(value)
}
