import { spawnSync } from 'node:child_process'

/**
 * File modes do not bind root. A program that runs as root is started without that power: it still owns its files,
 * but may no longer pass over their modes.
 */
export function boundByModes(): readonly string[] {
  if (process.getuid?.() !== 0) return [process.execPath]
  const without = ['setpriv', '--bounding-set=-dac_override,-dac_read_search', '--inh-caps=-all']
  const { status, error } = spawnSync(without[0]!, [...without.slice(1), 'true'])
  if (status !== 0) throw new Error(`as root this test needs setpriv of util-linux: ${error ?? `it ended with ${status}`}`)
  return [...without, process.execPath]
}
