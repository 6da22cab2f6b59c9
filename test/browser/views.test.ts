import { pathToFileURL } from 'node:url'
import type { Browser } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { writeLinkFile } from '../../src/cli/commands/ui/link-file.ts'
import { launch } from './chromium.ts'
import { go, isLive, NARROW, open, openLive, shutsOut, VIEWS, WIDE } from './pages.ts'
import { HOSTILE_MARKUP, NAMES, type Scene, scene } from './scene.ts'

/** What each view shows of five real peers at work. Nothing here changes them. */

let browser: Browser
let mesh: Scene
beforeAll(async () => {
  ;[browser, mesh] = [await launch(), await scene()]
})
afterAll(async () => {
  await browser?.close()
  await mesh?.[Symbol.asyncDispose]()
})

describe('the key', () => {
  test('comes through a file that leads there, as a browser opens it', async () => {
    const link = await mesh.link()
    const file = writeLinkFile(mesh.dir, link)
    try {
      const { page } = await openLive(browser, mesh, { link: pathToFileURL(file.path).href })
      expect(page.url()).toBe(`http://127.0.0.1:${mesh.port}/`)
    } finally {
      file.remove()
    }
  })

  test('leaves the address at once, and stays with the tab', async () => {
    const link = await mesh.link()
    const { page, asked } = await openLive(browser, mesh, { link })
    const key = link.split('#key=')[1] ?? ''
    expect(page.url()).toBe(`http://127.0.0.1:${mesh.port}/`)
    expect(await page.evaluate(() => history.length)).toBeLessThanOrEqual(2)
    expect(asked.slice(1).filter((url) => url.includes(key))).toEqual([])
    expect(await page.content()).not.toContain(key)
    expect(await page.evaluate(() => [document.cookie, localStorage.length].join())).toBe(',0')
    await page.reload()
    await isLive(page)
    const other = await page.context().newPage()
    await other.goto(page.url())
    await other.getByText('slm-mesh ui').waitFor()
  })

  test('that is not one leads to how to get another', async () => {
    const { page } = await open(browser, mesh, { link: `http://127.0.0.1:${mesh.port}/#key=${'A'.repeat(43)}` })
    await page.getByRole('heading', { name: /no longer valid/ }).waitFor()
    await page.getByText('slm-mesh ui').waitFor()
    expect(await shutsOut(page)).toEqual([])
  })
})

test('peers are there as a graph and as a list: who, what, where, and who leads', async () => {
  const { page } = await openLive(browser, mesh)
  const list = page.getByRole('region', { name: 'List of peers' })
  for (const name of NAMES) await list.getByRole('button', { name, exact: true }).waitFor()
  const ann = list.getByRole('listitem').filter({ has: page.getByRole('button', { name: 'ann', exact: true }) })
  await ann.getByText('moving the orders to the new schema').waitFor()
  await ann.getByText('claude-code').waitFor()
  await ann.getByText('shop').waitFor()
  await ann.getByText('active').waitFor()
  const { name } = await mesh.leader()
  expect(await list.getByRole('listitem').filter({ hasText: 'leads' }).getByRole('button', { name, exact: true }).count()).toBe(1)
  const graph = page.getByRole('group', { name: /^Graph of/ })
  for (const each of NAMES) await graph.getByRole('button', { name: new RegExp(`^${each},`) }).waitFor()
  await page
    .getByRole('region', { name: 'Who waits for whom' })
    .getByText('orders.ts')
    .or(page.getByText('give back'))
    .first()
    .waitFor()
})

test('a chosen peer narrows the page, and Escape shows all again', async () => {
  const { page } = await openLive(browser, mesh)
  await page
    .getByRole('group', { name: /^Graph of/ })
    .getByRole('button', { name: /^ben,/ })
    .click()
  const list = page.getByRole('region', { name: 'List of peers' })
  await list.getByText('writing tests for the basket').waitFor()
  await expect.poll(() => list.getByRole('listitem').count()).toBe(1)
  await page.keyboard.press('Escape')
  await expect.poll(() => list.getByRole('listitem').count()).toBeGreaterThanOrEqual(5)
})

test("everybody's mail is read as threads, and searched", async () => {
  const { page } = await openLive(browser, mesh)
  await go(page, 'Mail')
  const threads = page.getByRole('region', { name: 'Threads' })
  await threads.getByRole('button', { name: /Yes, after my tests/ }).click()
  const thread = page.getByRole('region', { name: 'Thread' })
  await thread.getByText('May I rename the table of orders?').waitFor()
  await thread.getByText('Yes, after my tests.').waitFor()
  expect(await thread.getByRole('listitem').count()).toBe(2)
  await page.keyboard.press('Escape')
  await page.getByRole('searchbox', { name: 'Search mail' }).fill('INVOICES')
  await threads.getByRole('button', { name: /go on with the invoices/ }).waitFor()
  await expect.poll(() => threads.getByRole('listitem').count()).toBe(1)
  await threads.getByText('urgent').waitFor()
  await page.getByRole('searchbox', { name: 'Search mail' }).fill('nobody wrote this')
  await threads.getByText('No mail like that').waitFor()
})

test('locks are there with their holder, the line of those who wait, and the time that is left', async () => {
  const { page } = await openLive(browser, mesh)
  await go(page, 'Locks')
  const src = page.getByRole('region', { name: 'Locks' }).getByRole('listitem').filter({ hasText: 'moving files about' })
  await src.getByRole('button', { name: 'ann', exact: true }).waitFor()
  const line = src.getByRole('list', { name: 'In line' })
  expect((await line.getByRole('button').allTextContents()).sort()).toEqual(['ben', 'dora'])
  const left = () => src.getByText(/^\d+:\d\d left$/).textContent()
  const before = await left()
  await expect.poll(left, { timeout: 10_000 }).not.toBe(before)
})

test('state is there by namespace, with versions and who wrote what', async () => {
  const { page } = await openLive(browser, mesh)
  await go(page, 'State')
  await page.getByLabel('Namespace').selectOption('build')
  const status = page.getByRole('region', { name: 'Entries' }).getByRole('listitem').filter({ hasText: 'status' })
  await status.getByText(/version \d+/).waitFor()
  await status.getByRole('button', { name: 'ben', exact: true }).waitFor()
  await status.getByRole('button', { name: 'status', exact: true }).click()
  await page.getByRole('region', { name: 'Entry status' }).getByText('"green": true').waitFor()
})

test('the timeline has everything that happened, and filters by type, peer and text', async () => {
  const { page } = await openLive(browser, mesh)
  await go(page, 'Timeline')
  const timeline = page.getByRole('region', { name: 'Timeline' })
  const rows = timeline.getByRole('region', { name: 'Events, newest first' }).getByRole('listitem')
  await rows.first().waitFor()
  const all = await rows.count()
  expect(all).toBeGreaterThan(10)
  await timeline.getByRole('button', { name: 'elected', exact: true }).click()
  await expect.poll(() => rows.count()).toBe(1)
  await timeline.getByRole('button', { name: 'elected', exact: true }).click()
  await timeline.getByRole('searchbox', { name: 'Search events' }).fill('staging')
  await expect.poll(() => rows.count()).toBe(1)
  await rows.first().getByRole('button').click()
  await timeline
    .getByRole('region', { name: /^Event \d+/ })
    .getByText('"to": "staging"')
    .waitFor()
  await timeline.getByRole('searchbox', { name: 'Search events' }).fill('')
  await timeline.getByRole('combobox', { name: 'Peer' }).selectOption({ label: 'cid' })
  await expect.poll(() => rows.count()).toBeLessThan(all)
})

test('health is drawn as small charts that say in words what they show', async () => {
  const { page } = await openLive(browser, mesh)
  await go(page, 'Health')
  const health = page.getByRole('region', { name: 'Health' })
  for (const name of ['Messages per second', 'Events per second', 'Delivery, p95', 'Database', 'Write-ahead log'])
    await health.getByRole('img', { name: new RegExp(`^${name}:`) }).waitFor()
  await health.getByText('Elections').waitFor()
})

test('what peers write is text: nothing of it runs, loads, or becomes a part of the page', async () => {
  const { page, asked } = await openLive(browser, mesh)
  await go(page, 'Mail')
  await page
    .getByRole('button', { name: /onerror/ })
    .first()
    .click()
  await page.getByRole('region', { name: 'Thread' }).getByText(HOSTILE_MARKUP).waitFor()
  await go(page, 'State')
  await page.getByLabel('Namespace').selectOption('build')
  await page.getByRole('button', { name: 'hostile', exact: true }).click()
  await page.getByRole('region', { name: 'Entry hostile' }).getByText('onerror').waitFor()
  await go(page, 'Timeline')
  await page.getByRole('searchbox', { name: 'Search events' }).fill('x_deploy')
  await page.getByText('onerror').first().waitFor()
  expect(await page.title()).not.toBe('owned')
  expect(await page.locator('img, iframe, object, embed, [onerror], [onload]').count()).toBe(0)
  expect(asked.filter((url) => !url.startsWith(`http://127.0.0.1:${mesh.port}/`))).toEqual([])
})

test('everything is reached with keys alone', async () => {
  const { page } = await openLive(browser, mesh)
  for (const [key, view] of ['p', 'm', 'l', 's', 't', 'h'].map((key, i) => [key, VIEWS[i] ?? 'Peers'] as const)) {
    await page.keyboard.press('g')
    await page.keyboard.press(key)
    await page.getByRole('tabpanel', { name: view }).waitFor()
  }
  await page.getByRole('tab', { name: 'Health' }).focus()
  await page.keyboard.press('ArrowRight')
  await page.getByRole('tabpanel', { name: 'Peers' }).waitFor()
  await page.keyboard.press('End')
  await page.getByRole('tabpanel', { name: 'Health' }).waitFor()
  await page.keyboard.press('?')
  const help = page.getByRole('dialog', { name: 'Help' })
  await help.waitFor()
  await page.keyboard.press('Escape')
  await help.waitFor({ state: 'hidden' })
  await page.keyboard.press('c')
  await expect.poll(() => page.evaluate(() => document.activeElement?.id)).toBe('compose-text')
  await page.keyboard.press('Escape')
  await page.keyboard.press('/')
  await expect.poll(() => page.evaluate(() => document.activeElement?.getAttribute('aria-label'))).toBe('Search mail')
  await page.keyboard.press('Escape')
  await page.keyboard.press('g')
  await page.keyboard.press('p')
  const first = page
    .getByRole('group', { name: /^Graph of/ })
    .getByRole('button')
    .first()
  await first.focus()
  await page.keyboard.press('ArrowRight')
  await page.keyboard.press('Enter')
  await expect.poll(() => page.getByRole('button', { name: 'Show all' }).count()).toBe(1)
})

describe.each([
  ['light', 'wide', WIDE],
  ['dark', 'wide', WIDE],
  ['light', 'narrow', NARROW],
  ['dark', 'narrow', NARROW],
] as const)('in %s, %s', (colorScheme, _, viewport) => {
  test('no view shuts anybody out, and none is wider than its window', async () => {
    const { page } = await openLive(browser, mesh, { colorScheme, viewport })
    for (const view of VIEWS) {
      await go(page, view)
      await page.getByText(/^Reading /).waitFor({ state: 'hidden' })
      expect([view, await shutsOut(page)]).toEqual([view, []])
      const width = await page.evaluate(() => document.documentElement.scrollWidth)
      expect([view, width]).toEqual([view, Math.min(width, viewport.width)])
    }
    await page.keyboard.press('?')
    await page.getByRole('dialog').waitFor()
    expect(await shutsOut(page)).toEqual([])
  })
})
