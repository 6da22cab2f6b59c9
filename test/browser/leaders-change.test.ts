import type { Browser } from 'playwright-core'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { Agent } from '../support/agent.ts'
import { meshEnv } from '../support/data-dir.ts'
import { launch } from './chromium.ts'
import { go, isLive, openLive, shutsOut } from './pages.ts'
import { NAMES, scene } from './scene.ts'

let browser: Browser
beforeAll(async () => {
  browser = await launch()
})
afterAll(async () => {
  await browser?.close()
})

test('a page lives through the death of its leader, with the same key, and misses no event', async () => {
  await using mesh = await scene()
  const { page } = await openLive(browser, mesh)
  const first = await mesh.leader()
  const header = page.getByRole('banner')
  await header.getByText(`term ${first.term}`).waitFor()
  await first.agent.kill()
  const others = NAMES.filter((name) => name !== first.name)
  const [sender, receiver] = others
  if (!sender || !receiver) throw new Error('four are left')
  // Written while the page may be without a leader.
  for (let i = 1; i <= 5; i++)
    await mesh.agents[sender].call('message.send', { to: receiver, message: `letter ${i} of the change` })
  const second = await mesh.leader()
  expect(second.term).toBeGreaterThan(first.term)
  await header.getByText(`term ${second.term}`).waitFor()
  await isLive(page)
  await go(page, 'Mail')
  for (let i = 1; i <= 5; i++)
    await page
      .getByRole('region', { name: 'Threads' })
      .getByRole('button', { name: new RegExp(`letter ${i} of the change`) })
      .waitFor()
  await page.getByRole('combobox', { name: 'To', exact: true }).selectOption({ label: receiver })
  await page.getByLabel('Message', { exact: true }).fill('Still here')
  await page.getByRole('button', { name: 'Send', exact: true }).click()
  await page.getByText(`Sent to ${receiver}`).waitFor()
  await go(page, 'Timeline')
  const rows = page.getByRole('region', { name: 'Timeline' }).getByRole('listitem')
  await rows.filter({ hasText: 'crashed' }).first().waitFor()
  await rows.filter({ hasText: 'elected' }).first().waitFor()
})

test('without any leader what was shown stays, marked as old, and the page goes on by itself when there is one', async () => {
  await using mesh = await scene()
  const { page } = await openLive(browser, mesh)
  for (const agent of Object.values(mesh.agents)) await agent.kill()
  await page.getByText('Offline, trying again').waitFor()
  await page.getByText('What you see is as it was').waitFor()
  expect(await page.getByRole('region', { name: 'List of peers' }).getByRole('listitem').count()).toBeGreaterThanOrEqual(5)
  expect(await shutsOut(page)).toEqual([])
  await using later = await Agent.start({
    dir: mesh.dir,
    env: { ...meshEnv(mesh.dir), SLM_MESH_PORT: String(mesh.port), SLM_MESH_NAME: 'later' },
  })
  await isLive(page)
  await page.getByRole('region', { name: 'List of peers' }).getByRole('button', { name: 'later', exact: true }).waitFor()
  expect(await later.name()).toBe('later')
})
