// A message's rows, stored in turn in two meshes' files, and marked as read after each block, untimed; prints the median times
// of a commit in ms, as JSON. Usage:
// rows-in-turn <mesh.db> <mesh.db> <mailbox> <blocks> <messages a block>
import { median } from '../figures.mjs'
import { openRows } from './rows.mjs'

const [first, second, to, blocks, block] = process.argv.slice(2)
const files = [first, second].map((file) => ({ rows: openRows(file), times: [] }))

async function main() {
  for (let b = -2; b < Number(blocks); b++)
    // Neither always comes first.
    for (const { rows, times } of b % 2 === 0 ? files : files.toReversed()) {
      for (let i = 0; i < Number(block); i++) {
        const startedAt = performance.now()
        await rows.store([{ to, body: 'is the schema still as it was?' }])
        if (b >= 0) times.push(performance.now() - startedAt)
      }
      await rows.see(rows.unread(to))
    }
  console.log(JSON.stringify(files.map(({ times }) => median(times))))
  process.exit(0)
}

main()
