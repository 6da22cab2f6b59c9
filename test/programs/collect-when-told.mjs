// Loaded before a program that is measured: SIGUSR2 has it collect its garbage, and say so. Needs --expose-gc.
process.on('SIGUSR2', () => {
  globalThis.gc()
  process.stderr.write('collected\n')
})
