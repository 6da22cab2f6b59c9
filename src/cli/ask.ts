import { type Desk, misused } from './command.ts'

/**
 * Asks a person for a yes by one key. `instead`: the option that says yes where nobody can be asked; without somebody at
 * a keyboard it is a mistake in the call that it is missing.
 */
export function ask({ terminal, json, signal }: Desk, question: string, instead: string): Promise<boolean> {
  const { keys } = terminal
  if (json || !keys) throw misused(`nobody can be asked here: ${instead} says yes`)
  terminal.err(`${question} [y/N] `)
  return new Promise((resolve) => {
    const settle = (yes: boolean) => {
      signal.removeEventListener('abort', stop)
      keyboard[Symbol.dispose]()
      terminal.err(`${yes ? 'yes' : 'no'}\n`)
      resolve(yes)
    }
    const stop = () => settle(false)
    const keyboard = keys.call(terminal, { key: (key) => settle(/^y/i.test(key)), resize: () => {} })
    signal.addEventListener('abort', stop)
  })
}
