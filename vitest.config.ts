import { defineConfig } from 'vitest/config'

export default defineConfig({
  plugins: [
    {
      // As the bundler does: a migration is its text.
      name: 'sql-as-text',
      transform: (code, id) => (id.endsWith('.sql') ? `export default ${JSON.stringify(code)}` : undefined),
    },
  ],
  test: {
    include: ['test/**/*.test.ts'],
    // The faults are signals, file modes and /proc: things that Windows does not have.
    exclude: process.platform === 'win32' ? ['test/faults/**'] : [],
    globalSetup: ['test/support/leftovers.ts'],
    // Each test file starts real processes; two files at a time keep two cores busy without starving anyone.
    pool: 'forks',
    maxWorkers: 3,
    testTimeout: 30_000,
    hookTimeout: 30_000,
  },
})
