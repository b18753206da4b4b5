import { readFileSync } from 'node:fs'
import { mkdir, rename, writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import * as v from 'valibot'
import type { Theme } from '../contract/index.ts'

/** Recent stores that are remembered. */
const RECENTS_MAX = 20

const Shape = v.object({
  theme: v.fallback(v.picklist(['system', 'light', 'dark']), 'system'),
  recents: v.fallback(v.array(v.object({ path: v.string(), openedAt: v.string() })), []),
  window: v.fallback(
    v.nullable(v.object({ width: v.number(), height: v.number(), maximized: v.boolean() })),
    null,
  ),
})
export type SettingsData = v.InferOutput<typeof Shape>

/** The app's own memory: one small JSON file, replaced whole. A damaged one is forgotten, never fatal. */
export class Settings {
  #file: string
  #data: SettingsData
  #writing: Promise<void> = Promise.resolve()

  constructor(file: string) {
    this.#file = file
    this.#data = load(file)
  }

  get data(): Readonly<SettingsData> {
    return this.#data
  }

  setTheme(theme: Theme): void {
    this.#change({ theme })
  }

  setWindow(window: SettingsData['window']): void {
    this.#change({ window })
  }

  remember(path: string): void {
    const others = this.#data.recents.filter((recent) => recent.path !== path)
    const first = { path, openedAt: new Date().toISOString() }
    this.#change({ recents: [first, ...others].slice(0, RECENTS_MAX) })
  }

  forget(path: string): void {
    this.#change({ recents: this.#data.recents.filter((recent) => recent.path !== path) })
  }

  /** Resolves when everything is on disk. */
  flush(): Promise<void> {
    return this.#writing
  }

  #change(part: Partial<SettingsData>): void {
    this.#data = { ...this.#data, ...part }
    const text = JSON.stringify(this.#data, null, 2)
    this.#writing = this.#writing.then(() => save(this.#file, text)).catch(() => undefined)
  }
}

function load(file: string): SettingsData {
  try {
    return v.parse(Shape, JSON.parse(readFileSync(file, 'utf8')))
  } catch {
    return v.parse(Shape, {})
  }
}

async function save(file: string, text: string): Promise<void> {
  await mkdir(dirname(file), { recursive: true })
  await writeFile(`${file}.tmp`, text)
  await rename(`${file}.tmp`, file)
}
