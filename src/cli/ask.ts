import { fail } from '../core/errors.ts'
import { type Desk, misused } from './command.ts'

/**
 * Asks a person for a yes by one key. `instead`: the option that says yes where nobody can be asked; without somebody at
 * a keyboard it is a mistake in the call that it is missing. Ctrl-C is a no; where this is
 * one question of `several`, it ends them all: `cancelled` is thrown.
 */
export function ask({ terminal, json, signal }: Desk, question: string, instead: string, several = false): Promise<boolean> {
  const { keys } = terminal
  if (json || !keys) throw misused(`nobody can be asked here: ${instead} says yes`)
  terminal.err(`${question} [y/N] `)
  return new Promise((resolve, reject) => {
    const leave = (said: string) => {
      signal.removeEventListener('abort', stop)
      keyboard[Symbol.dispose]()
      terminal.err(`${said}\n`)
    }
    const settle = (yes: boolean) => {
      leave(yes ? 'yes' : 'no')
      resolve(yes)
    }
    const stop = () => settle(false)
    const cancel = () => {
      leave('^C')
      reject(fail('cancelled', { operation: 'slm-mesh' }))
    }
    const keyboard = keys.call(terminal, {
      key: (key) => (several && key === CTRL_C ? cancel() : settle(/^y/i.test(key))),
      resize: () => {},
    })
    signal.addEventListener('abort', stop)
  })
}

const CTRL_C = '\u0003'
