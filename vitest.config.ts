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
    // The faults are signals, file modes and /proc: things that Windows does not have. What needs a browser runs by itself.
    exclude: ['test/browser/**', ...(process.platform === 'win32' ? ['test/faults/**'] : [])],
    globalSetup: ['test/support/leftovers.ts'],
    pool: 'forks',
    // Files share what they import, which saves a fifth of the run: a test leaves no listener, variable or umask behind.
    isolate: false,
    // Tests start real processes and wait for them: three files at a time keep two cores busy without starving anyone.
    maxWorkers: 3,
    // Of what hangs. Tests take seconds at most; a machine that does other things as well must not come near this.
    testTimeout: 120_000,
    hookTimeout: 120_000,
  },
})
