import { describe } from 'vitest'
import { natsServer, needsNats } from '../support/nats.ts'
import { sharedNats } from '../support/nats-mesh.ts'
import { conformanceOn } from './doors.ts'

describe.skipIf(!natsServer)(`on one nats-server${needsNats}`, () => conformanceOn(sharedNats()))
