import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { Agent } from '../support/agent.ts'
import { dataDir, meshEnv } from '../support/data-dir.ts'
import { eventually } from '../support/eventually.ts'
import { servingLeader } from '../support/health.ts'
import { run } from '../support/run.ts'
import { launch } from './chromium.ts'
import { go, isLive, open, openLive, shutsOut } from './pages.ts'

/** What the page says while there is nothing to show, or not yet, or not the newest: of one peer that has done nothing. */

let browser: Browser
let agent: Agent
let link: () => Promise<string>
beforeAll(async () => {
  const dir = dataDir()
  const env = meshEnv(dir, { SLM_MESH_NAME: 'alone' })
  ;[browser, agent] = [await launch(), await Agent.start({ dir, env })]
  await eventually(() => servingLeader(dir))
  link = async () => (await run(['ui', '--print'], env)).out.trim()
})
afterAll(async () => {
  await browser?.close()
  await agent?.[Symbol.asyncDispose]()
})

test('where there is nothing, each view says so, and what would be there', async () => {
  const { page } = await openLive(browser, { link })
  const says = async (view: Parameters<typeof go>[1], text: string) => {
    await go(page, view)
    await page.getByRole('tabpanel').getByText(text, { exact: true }).waitFor()
    expect([view, await shutsOut(page)]).toEqual([view, []])
  }
  await says('Mail', 'No mail yet')
  await says('Locks', 'Nothing is locked')
  await says('State', 'Nothing here')
})

test('until the first answer it says that it looks', async () => {
  const { page, answer } = await heldBack('/dashboard/overview')
  await page.getByText('Looking at the mesh…').waitFor()
  expect(await shutsOut(page)).toEqual([])
  answer()
  await isLive(page)
})

test('what could not be written says why, and stays to be tried again', async () => {
  await agent.call('state.set', { key: 'taken', value: 'first' })
  const { page } = await openLive(browser, { link })
  await go(page, 'State')
  await page.getByRole('button', { name: 'New entry' }).click()
  await page.getByLabel('Key', { exact: true }).fill('taken')
  await page.getByLabel('Value', { exact: true }).fill('kept')
  await page.getByRole('button', { name: 'Create', exact: true }).click()
  await page.getByRole('alert').getByText('Not saved: "taken" in "default" exists already').waitFor()
  expect(await page.getByLabel('Value', { exact: true }).inputValue()).toBe('kept')
})

test('while the server of a team is away, one line says so above everything', async () => {
  const outage = 'The mesh’s server (nats://team:4222) does not answer; what is shown is as it was a minute ago.'
  const { page } = await openLive(browser, { link })
  await page.route('**/dashboard/overview', async (route) => {
    const response = await route.fetch()
    await route.fulfill({ response, json: { ...(await response.json()), outage } })
  })
  await page.reload()
  await page.getByRole('status').getByText(outage).waitFor()
  expect(await shutsOut(page)).toEqual([])
  await page.unroute('**/dashboard/overview')
  await page.reload()
  await isLive(page)
  expect(await page.getByText(outage).count()).toBe(0)
})

/** A page whose request for that path is answered only when the test says so. */
async function heldBack(path: string): Promise<{ page: Page; answer: () => void }> {
  let answer = () => {}
  const asked = new Promise<void>((resolve) => (answer = resolve))
  const { page } = await open(browser, { link }, { link: 'about:blank' })
  await page.route(`**${path}`, async (route) => {
    await asked
    await route.continue()
  })
  await page.goto(await link())
  return { page, answer }
}
