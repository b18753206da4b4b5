import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts', 'test/**/*.test.tsx'],
    // The engine's tests use the real addon with all cores of its own.
    maxWorkers: 2,
    testTimeout: 60_000,
  },
})
