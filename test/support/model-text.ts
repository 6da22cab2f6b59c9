/** What a model reads, seen as an attacker would like to write it. */

/** Characters that are not seen, or are seen elsewhere than they stand; our own line breaks aside. */
const UNSEEN = /(?!\n)[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\u{e0000}-\u{e0fff}]/gu

export const unseenIn = (text: string): string[] => [...text.matchAll(UNSEEN)].map(([c]) => `U+${c.codePointAt(0)?.toString(16)}`)

const STRING = /"(?:[^"\\\n]|\\.)*"/g

/** What stands in the text outside of all quoted strings: what a reader takes for ours. */
export const outsideQuotes = (text: string): string => text.replace(STRING, '""')

/** The strings that the text quotes, as they were before. Throws where one is no JSON. */
export const quotedIn = (text: string): string[] => [...text.matchAll(STRING)].map(([quoted]) => JSON.parse(quoted))
