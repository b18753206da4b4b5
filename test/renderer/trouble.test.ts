// @vitest-environment happy-dom
import { describe, expect, it } from 'vitest'
import { AppError } from '../../src/contract/index.ts'

window.matchMedia ??= (() => ({ matches: false, addEventListener: () => undefined })) as never
const { troubleWords } = await import('../../src/renderer/app/TroubleBanner.tsx')

describe('the banner of a store that takes no more writes', () => {
  it('says how many bytes are needed, and that everything acknowledged is kept', () => {
    const detail = { needed: 12_300_000, free: 3_100_000 }
    const full = new AppError({ code: 'DISK_FULL', message: 'no space left', detail })
    expect(troubleWords(full, 'words.db')).toBe(
      'The disk of words.db is full: 12 MB were needed, 3.1 MB are free. Everything acknowledged is kept. Free some space first.',
    )
  })

  it('leaves out what is not known', () => {
    const full = new AppError({ code: 'DISK_FULL', message: 'x', detail: { needed: null, free: null } })
    expect(troubleWords(full, 'words.db')).toMatch(/^The disk of words\.db is full\. Everything/)
    const poisoned = new AppError({ code: 'STORE_POISONED', message: 'x' })
    expect(troubleWords(poisoned, 'words.db')).toMatch(/^A write to words\.db failed/)
  })
})
