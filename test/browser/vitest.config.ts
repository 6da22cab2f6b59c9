import { fileURLToPath } from 'node:url'
import { defineConfig } from 'vitest/config'
import config from '../../vitest.config.ts'

/** The dashboard in a real browser: `npm run test:browser`. `npm test` needs none, and leaves these out. */
export default defineConfig({
  ...config,
  root: fileURLToPath(new URL('../..', import.meta.url)),
  test: { ...config.test, include: ['test/browser/**/*.test.ts'], exclude: [], maxWorkers: 1 },
})
