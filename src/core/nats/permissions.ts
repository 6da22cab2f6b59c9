import { namesOf } from './settings.ts'

/** The subjects that a session of that mesh needs, and no more. Pure. */
export interface Permissions {
  readonly publish: readonly string[]
  readonly subscribe: readonly string[]
}

/**
 * Subjects alone keep two meshes of one account apart only as far as both mean well: whoever may ask JetStream for something
 * names the subject to which it answers. So each mesh has an account of its own beside them, where no other mesh's subjects
 * exist; and therefore its users may make its stream.
 */
export function permissionsFor(mesh: string): Permissions {
  const { stream, log, snapshot, chunk, inbox } = namesOf(mesh)
  const api = (...verbs: string[]) => verbs.map((verb) => `$JS.API.${verb}.${stream}`)
  return {
    publish: [
      log,
      snapshot,
      `${chunk}.>`,
      '$JS.API.INFO',
      ...api('STREAM.INFO', 'STREAM.CREATE', 'STREAM.UPDATE', 'STREAM.PURGE', 'STREAM.MSG.GET', 'DIRECT.GET', 'CONSUMER.CREATE'),
      ...api('DIRECT.GET', 'CONSUMER.CREATE', 'CONSUMER.INFO', 'CONSUMER.MSG.NEXT', 'CONSUMER.DELETE').map((one) => `${one}.>`),
      // Flow control of what is pushed to it.
      `$JS.FC.${stream}.>`,
    ],
    subscribe: [`${inbox}.>`],
  }
}
