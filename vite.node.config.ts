import { resolve } from 'node:path'
import { defineConfig } from 'vite'

/**
 * What runs on plain Node or in Electron's utility process: the engine, its worker, the embedded API and the
 * command line, side by side in out/node so that each finds the others as siblings. Built apart from the main
 * process so that no shared chunk can ever load the engine there.
 */
export default defineConfig({
  ssr: { noExternal: true },
  build: {
    ssr: true,
    outDir: 'out/node',
    emptyOutDir: true,
    target: 'node20.18',
    minify: false,
    rolldownOptions: {
      input: {
        engine: resolve('src/engine/utility.ts'),
        'umap-worker': resolve('src/engine/jobs/umap-worker.ts'),
        index: resolve('src/embedded/index.ts'),
        cli: resolve('src/cli/index.ts'),
      },
      external: ['electron'],
      output: { format: 'es', entryFileNames: '[name].js', chunkFileNames: 'chunks/[name]-[hash].js' },
    },
  },
})
