import { styleText } from 'node:util'

/** Where a command writes to, and whether somebody looks at it in colour. */
export interface Terminal {
  out(text: string): void
  err(text: string): void
  readonly colour: boolean
}

export type Style = Parameters<typeof styleText>[0]

/** Colours only for a person at a terminal who has not switched them off. */
export const paint = (terminal: Terminal, style: Style, text: string) =>
  terminal.colour ? styleText(style, text, { validateStream: false }) : text
