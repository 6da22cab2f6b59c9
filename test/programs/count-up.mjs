// A peer that adds one to a shared number, so often: reads it, and writes it if nobody has meanwhile. Says each success.
// Usage: count-up.mjs <times>; the mesh is that of SLM_MESH_DATA_DIR.
import { writeSync } from 'node:fs'
import { joinMesh } from '../../dist/index.js'

const peer = await joinMesh({ env: process.env, agentType: 'counter' })
let conflicts = 0
for (let done = 0; done < Number(process.argv[2]); ) {
  const read = await peer.call('state.get', { key: 'count' }).catch((error) => {
    if (error.code !== 'not_found') throw error
    return { entry: { value: '0', version: 0 } }
  })
  const value = String(Number(read.entry.value) + 1)
  try {
    const { entry } = await peer.call('state.set', { key: 'count', value, ifVersion: read.entry.version })
    writeSync(1, `${JSON.stringify({ value: Number(entry.value), version: entry.version })}\n`)
    done++
  } catch (error) {
    if (error.code !== 'version_conflict') throw error
    conflicts++
  }
}
writeSync(1, `${JSON.stringify({ conflicts })}\n`)
await peer.leave()
