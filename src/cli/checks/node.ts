import manifest from '../../../package.json' with { type: 'json' }
import { bad, type Check, ok } from './check.ts'

export const nodeVersion: Check = () => judgeNode(process.versions.node, manifest.engines.node)

/** Whether a version satisfies `>=major.minor`, the form that our package.json uses. Pure. */
export function judgeNode(version: string, wanted: string) {
  const [major = 0, minor = 0] = version.split('.').map(Number)
  const [least = 0, leastMinor = 0] = wanted.replace(/^>=/, '').split('.').map(Number)
  return major > least || (major === least && minor >= leastMinor)
    ? ok(`${version}; ${wanted} is needed`)
    : bad(`${version} is too old; ${wanted} is needed`, 'install a newer Node.js, and start the agents again with it')
}
