import axe from 'axe-core'
import type { Browser, BrowserContextOptions, Page } from 'playwright-core'
import { expect, onTestFinished } from 'vitest'
import type { Scene } from './scene.ts'

/** A page as a person has it, and what they do with it. Things are found by role and label, as a screen reader finds them. */

export const VIEWS = ['Peers', 'Mail', 'Locks', 'State', 'Timeline', 'Health'] as const
export type View = (typeof VIEWS)[number]

export const WIDE = { width: 1440, height: 900 }
export const NARROW = { width: 360, height: 740 }

export interface Opened {
  readonly page: Page
  /** What the browser complained of: scripts that failed, what its policy refused. */
  readonly complaints: string[]
  /** Every address that was asked. */
  readonly asked: string[]
}

/** Opens the dashboard by a link of its own, and waits until it is live. Whatever the browser complains of fails the test. */
export async function open(
  browser: Browser,
  scene: Pick<Scene, 'link'>,
  options: BrowserContextOptions & { link?: string } = {},
): Promise<Opened> {
  const { link = await scene.link(), ...rest } = options
  const context = await browser.newContext({ viewport: WIDE, ...rest })
  onTestFinished(() => context.close())
  if (link.startsWith('http'))
    await context.grantPermissions(['clipboard-read', 'clipboard-write'], { origin: new URL(link).origin })
  const page = await context.newPage()
  page.setDefaultTimeout(30_000)
  const complaints: string[] = []
  const asked: string[] = []
  page.on('console', (message) => {
    // A leader that was killed refuses connections: the browser says so, and is right.
    if (message.type() === 'error' && !/net::ERR_|Failed to load resource/.test(message.text())) complaints.push(message.text())
  })
  page.on('pageerror', (error) => complaints.push(String(error)))
  page.on('dialog', (dialog) => {
    complaints.push(`a dialog: ${dialog.message()}`)
    void dialog.dismiss()
  })
  page.on('request', (request) => asked.push(request.url()))
  await page.goto(link)
  return { page, complaints, asked }
}

export const isLive = (page: Page) =>
  page.getByRole('status', { name: 'Connection' }).getByText('Live', { exact: true }).waitFor()

export async function openLive(...given: Parameters<typeof open>): Promise<Opened> {
  const opened = await open(...given)
  await isLive(opened.page)
  onTestFinished(() => expect(opened.complaints).toEqual([]))
  return opened
}

export async function go(page: Page, view: View): Promise<void> {
  await page.getByRole('tab', { name: view }).click()
  await page.getByRole('tabpanel', { name: view }).waitFor()
}

/** What shuts somebody out, of what an accessibility checker finds: serious and critical. */
export async function shutsOut(page: Page): Promise<string[]> {
  await page.evaluate(axe.source)
  const found = await page.evaluate(async () => {
    // The checker has just been put there.
    const checker = (globalThis as unknown as { axe: typeof axe }).axe
    const { violations } = await checker.run(document, { resultTypes: ['violations'] })
    return violations.map(({ id, impact, nodes }) => ({ id, impact, at: nodes.map(({ target }) => target.join(' ')) }))
  })
  return found
    .filter(({ impact }) => impact === 'serious' || impact === 'critical')
    .map(({ id, at }) => `${id}: ${at.slice(0, 5).join(', ')}`)
}
