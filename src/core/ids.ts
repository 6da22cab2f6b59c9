import { randomFillSync } from 'node:crypto'

const ALPHABET = '0123456789abcdefghjkmnpqrstvwxyz' // Crockford base 32: no i, l, o, u

/** A source of random bytes; tests pass their own. */
export type Random = (size: number) => Uint8Array

const pool = new Uint8Array(1_024)
let used = pool.length

/** Asks the system for many at once: each asking costs as much as storing a row. */
function fromPool(size: number): Uint8Array {
  if (used + size > pool.length) {
    randomFillSync(pool)
    used = 0
  }
  return pool.subarray(used, (used += size))
}

/**
 * A time-ordered id: `<kind>_` + 9 characters of milliseconds + 10 random ones (50 bits), lower case.
 * Ids of one kind sort by the millisecond in which they were made.
 */
export function newId(kind: 'p' | 'm' | 'e', nowMs: number, random: Random = fromPool): string {
  let time = ''
  for (let rest = nowMs, i = 0; i < 9; i++, rest = Math.floor(rest / 32)) time = ALPHABET.charAt(rest % 32) + time
  let tail = ''
  for (const byte of random(10)) tail += ALPHABET.charAt(byte % 32)
  return `${kind}_${time}${tail}`
}

const ADJECTIVES =
  'amber bold brave bright brisk calm clear clever cosy crisp dapper deft eager early fair fleet fond frank fresh gentle glad golden grand happy hardy honest jolly keen kind lively loyal lucid lucky mellow merry mild neat nimble noble patient plucky polite proud quick quiet rapid ready royal sharp sleek smart snug solid spry steady still sunny swift tidy tough true vivid warm wise witty zesty'.split(
    ' ',
  )
const ANIMALS =
  'badger beaver bison bobcat camel cheetah condor coyote crane curlew dingo dolphin eagle egret falcon ferret finch fox gecko gibbon goose hare hawk heron hippo ibex ibis jackal jaguar kestrel kiwi koala lemur leopard lion llama lynx magpie marmot marten moose newt ocelot okapi orca osprey otter owl panda parrot pelican penguin puffin puma quail rabbit raven robin salmon seal shrike sparrow stork swan tapir tern tiger toucan turtle viper walrus weasel whale wombat wren yak zebra'.split(
    ' ',
  )

/** A name that a person can say and remember, such as `brave-otter`; about 5,000 of them. */
export function newName(random: Random = fromPool): string {
  const [a = 0, b = 0, c = 0, d = 0] = random(4)
  return `${ADJECTIVES[(a * 256 + b) % ADJECTIVES.length]}-${ANIMALS[(c * 256 + d) % ANIMALS.length]}`
}
