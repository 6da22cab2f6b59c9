import { fileURLToPath } from 'node:url'
import { defineConfig } from 'vitest/config'
import config from '../../vitest.config.ts'

/** What needs real nats-servers: `npm run test:cluster`. In `npm test` these tests are there, and say that they are skipped. */
export default defineConfig({
  ...config,
  root: fileURLToPath(new URL('../..', import.meta.url)),
  test: {
    ...config.test,
    include: ['test/cluster/**/*.test.ts'],
    env: { SLM_MESH_CLUSTER_TESTS: '1' },
    // Each starts up to three servers beside its peers.
    maxWorkers: 2,
  },
})
