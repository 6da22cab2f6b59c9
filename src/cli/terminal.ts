import { styleText } from 'node:util'
import { escaped } from '../core/visible.ts'

/** Where a command writes to, and who looks at it. */
export interface Terminal {
  out(text: string): void
  err(text: string): void
  /** A person looks at standard output; otherwise a program reads it. */
  readonly isTty: boolean
  readonly colour: boolean
  /** The screen as it is now, in characters. */
  readonly size: () => { columns: number; rows: number }
  /**
   * Raw keys as they are pressed, and word of a resized screen; until disposed. Then `leave` is written, and also when the
   * process fails first. A keyboard that has gone away types Ctrl-D. Undefined where there is none.
   */
  keys?(on: { key(key: string): void; resize(): void }, leave?: string): Disposable
}

export type Style = Parameters<typeof styleText>[0]

/** Colours only for a person at a terminal who has not switched them off. */
export const paint = (terminal: Pick<Terminal, 'colour'>, style: Style, text: string) =>
  terminal.colour ? styleText(style, text, { validateStream: false }) : text

/** Text of others on a line of ours: nothing in it moves the cursor, hides, or ends the line. */
export const safe = escaped

/** Text of others as it was meant, over several lines, tabs as spaces; what a terminal would obey becomes visible. */
export const safeLines = (text: string) => text.replaceAll('\t', '    ').split(/\r?\n/).map(escaped).join('\n')
