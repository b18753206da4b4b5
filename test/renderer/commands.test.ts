// @vitest-environment happy-dom
import { describe, expect, it, vi } from 'vitest'

window.matchMedia ??= (() => ({ matches: false, addEventListener: () => undefined })) as never
const { commands, findCommands, runKey } = await import('../../src/renderer/app/commands.ts')

const openPalette = vi.fn()
const list = commands({ openPalette, openSheet: () => undefined, onError: () => undefined })

function press(key: string, target: Element = document.body, held: KeyboardEventInit = {}): KeyboardEvent {
  const event = new KeyboardEvent('keydown', { key, bubbles: true, cancelable: true, ...held })
  target.dispatchEvent(event)
  return event
}

describe('the commands', () => {
  it('have different names and different keys', () => {
    expect(new Set(list.map((c) => c.id)).size).toBe(list.length)
    const keys = list.flatMap((c) => c.keys ?? [])
    expect(new Set(keys).size).toBe(keys.length)
  })

  it('leave plain keys to a field and Ctrl K to the palette', () => {
    const field = document.createElement('input')
    document.body.append(field)
    expect(runKey(list, press('5', field))).toBe(false)
    expect(runKey(list, press('a', field, { ctrlKey: true }))).toBe(false)
    expect(runKey(list, press('k', field, { ctrlKey: true }))).toBe(true)
    expect(openPalette).toHaveBeenCalledOnce()
    field.remove()
  })

  it('do nothing that cannot be done now', () => {
    expect(runKey(list, press('f'))).toBe(false)
    expect(runKey(list, press('2'))).toBe(false)
    expect(runKey(list, press('5'))).toBe(true)
  })

  it('are found by any of their words, those that begin with it first', () => {
    expect(findCommands(list, 'jobs')[0]?.id).toBe('view-jobs')
    expect(findCommands(list, 'open sto')[0]?.id).toBe('open')
    expect(findCommands(list, 'no such thing')).toEqual([])
    expect(findCommands(list, 'similar')).toEqual([])
  })
})
