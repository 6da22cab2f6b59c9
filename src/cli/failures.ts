import type { Code, Facts } from '../core/errors.ts'

/** What a failure means to a shell, and what a person can do about it. */

export const EXIT_OK = 0
export const EXIT_FAILED = 1
export const EXIT_USAGE = 2
/** Nothing runs, or what was named is not there. */
export const EXIT_ABSENT = 3
/** As a shell says of a command that was interrupted. */
export const EXIT_INTERRUPTED = 130

interface Failing<C extends Code> {
  readonly exit: 1 | 2 | 3
  readonly hint?: string | ((facts: Facts[C]) => string | undefined)
}

export const failures: { readonly [C in Code]: Failing<C> } = {
  invalid: { exit: EXIT_USAGE },
  too_large: { exit: EXIT_USAGE },
  unknown_peer: { exit: EXIT_ABSENT, hint: 'slm-mesh peers --all lists everybody' },
  ambiguous_peer: { exit: EXIT_USAGE, hint: 'use the name, or more of the id' },
  not_found: { exit: EXIT_ABSENT },
  locked: { exit: EXIT_FAILED, hint: '--wait 60 waits in line' },
  not_holder: {
    exit: EXIT_FAILED,
    hint: ({ holder }) => (holder === null ? undefined : '--force takes it away from its holder'),
  },
  impersonation: { exit: EXIT_FAILED },
  version_conflict: { exit: EXIT_FAILED, hint: 'get it again, and set it with the new version' },
  full: { exit: EXIT_FAILED },
  rate_limited: { exit: EXIT_FAILED, hint: ({ retryAfterMs }) => `try again in ${Math.ceil(retryAfterMs / 1000)} s` },
  unknown_outcome: { exit: EXIT_FAILED, hint: 'look before you try again' },
  cancelled: { exit: EXIT_FAILED },
  closed: { exit: EXIT_FAILED },
  not_leader: { exit: EXIT_FAILED, hint: 'try again: another leads soon' },
  busy: { exit: EXIT_FAILED, hint: 'slm-mesh doctor names the process that keeps it' },
  disk_full: { exit: EXIT_FAILED, hint: 'free some space there; nothing else needs to be done' },
  read_only: { exit: EXIT_FAILED, hint: 'give your account the right to write there (directory 0700, files 0600)' },
  corrupt: {
    exit: EXIT_FAILED,
    hint: ({ recurring }) =>
      recurring
        ? 'the disk is the likely cause; --data-dir names a directory on another one'
        : 'whoever meets that moves it aside and goes on in a new one: look what is there, and try again',
  },
  storage: { exit: EXIT_FAILED, hint: '--data-dir names another directory, on a local disk' },
  library_unfit: { exit: EXIT_FAILED, hint: 'slm-mesh doctor says what to do' },
  unsafe: { exit: EXIT_FAILED, hint: 'make it a plain directory or file of your own that only you can write to' },
  schema_newer: { exit: EXIT_FAILED, hint: 'use the newer slm-mesh' },
  unreachable: { exit: EXIT_FAILED, hint: 'slm-mesh doctor asks each of its servers' },
  access_denied: { exit: EXIT_FAILED, hint: 'slm-mesh init prints what a mesh must be permitted' },
  server_unfit: { exit: EXIT_FAILED },
  setting: { exit: EXIT_USAGE },
  internal: { exit: EXIT_FAILED, hint: 'please report it, with the log: slm-mesh logs --level error' },
}
