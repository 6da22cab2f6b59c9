import { join } from 'node:path'
import type { Browser } from 'playwright-core'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { eventually } from '../support/eventually.ts'
import { launch } from './chromium.ts'
import { go, openLive } from './pages.ts'
import { type Scene, scene } from './scene.ts'

/** What a person does from the page, and what becomes of it among the agents. */

let browser: Browser
let mesh: Scene
beforeAll(async () => {
  ;[browser, mesh] = [await launch(), await scene()]
})
afterAll(async () => {
  await browser?.close()
  await mesh?.[Symbol.asyncDispose]()
})

test('a message to a peer arrives as that of a human, and the answer shows itself', async () => {
  const { page } = await openLive(browser, mesh)
  await page.getByRole('button', { name: 'Message cid' }).click()
  await page.getByLabel('Message', { exact: true }).fill('Are you done with package.json?')
  await page.getByLabel('Priority').selectOption('urgent')
  await page.keyboard.press('Control+Enter')
  await page.getByText('Sent to cid').waitFor()
  const message = await eventually(async () => {
    const { messages } = await mesh.agents.cid.call('message.inbox', {})
    return messages.find(({ payload }) => payload === 'Are you done with package.json?')
  })
  expect(message).toMatchObject({ from: { id: 'dashboard', name: 'dashboard', agentType: 'human' }, priority: 'urgent' })
  await mesh.agents.cid.call('message.send', { to: 'dashboard', message: 'In a minute.', replyTo: message.id })
  await page
    .getByRole('region', { name: 'Threads' })
    .getByRole('button', { name: /In a minute/ })
    .click()
  await page.getByRole('button', { name: 'Reply to cid' }).first().click()
  await page.getByLabel('Message', { exact: true }).fill('Thanks')
  await page.getByRole('button', { name: 'Send', exact: true }).click()
  await page.getByRole('region', { name: 'Thread' }).getByText('Thanks').waitFor()
})

test('a message to all reaches all five', async () => {
  const { page } = await openLive(browser, mesh)
  await page.keyboard.press('c')
  await page.getByLabel('Message', { exact: true }).fill('Lunch')
  await page.getByRole('button', { name: 'Send to all' }).click()
  await page.getByText('Sent to 5 peers').waitFor()
  for (const agent of Object.values(mesh.agents))
    await eventually(async () =>
      (await agent.call('message.inbox', { filter: 'all' })).messages.some((m) => m.payload === 'Lunch'),
    )
})

test('mail between agents, and their events, show themselves as they happen', async () => {
  const { page } = await openLive(browser, mesh)
  await go(page, 'Mail')
  await mesh.agents.dora.call('message.send', { to: 'emil', message: 'Fresh from dora' })
  await page
    .getByRole('region', { name: 'Threads' })
    .getByRole('button', { name: /Fresh from dora/ })
    .waitFor()
  await go(page, 'Timeline')
  await mesh.agents.dora.call('event.emit', { types: ['x_fresh'], payload: {} })
  await page.getByRole('region', { name: 'Timeline' }).getByRole('listitem').filter({ hasText: 'x_fresh' }).first().waitFor()
})

test('a lock is taken away only after a question, and then at once', async () => {
  const { page } = await openLive(browser, mesh)
  const path = join(mesh.project, 'package.json')
  const holders = async () =>
    (await mesh.agents.ann.call('lock.query', { filePath: path })).locks.map(({ lockedBy }) => lockedBy.name)
  await go(page, 'Locks')
  await page.getByRole('button', { name: 'Force-release package.json' }).click()
  const question = page.getByRole('dialog')
  await question.getByText('cid').waitFor()
  await question.getByRole('button', { name: 'Cancel' }).click()
  await question.waitFor({ state: 'hidden' })
  expect(await holders()).toEqual(['cid'])
  await page.getByRole('button', { name: 'Force-release package.json' }).click()
  await question.getByRole('button', { name: 'Release it' }).click()
  await page.getByText('Released package.json').waitFor()
  expect(await holders()).toEqual([])
  await expect.poll(() => page.getByRole('button', { name: 'Force-release package.json' }).count()).toBe(0)
})

test('state is made, changed and deleted, and an agent reads what was written', async () => {
  const { page } = await openLive(browser, mesh)
  const value = async () => (await mesh.agents.ann.call('state.get', { namespace: 'plans', key: 'today' })).entry.value
  await go(page, 'State')
  await page.getByRole('button', { name: 'New entry' }).click()
  const form = page.getByRole('form', { name: 'New entry' })
  await form.getByLabel('Namespace').fill('plans')
  await form.getByLabel('Key').fill('today')
  await form.getByLabel('Value').fill('rest')
  await form.getByRole('button', { name: 'Create' }).click()
  const entry = page.getByRole('region', { name: 'Entry today' })
  await entry.getByText('rest').waitFor()
  expect(await value()).toBe('rest')
  await entry.getByRole('button', { name: 'Edit' }).click()
  await entry.getByLabel('Value').fill('work')
  await entry.getByRole('button', { name: 'Save' }).click()
  await page.getByText('Saved today').waitFor()
  expect(await value()).toBe('work')
  await entry.getByRole('button', { name: 'Delete' }).click()
  await page.getByRole('dialog').getByRole('button', { name: 'Delete it' }).click()
  await page.getByText('Deleted today').waitFor()
  await expect(value()).rejects.toMatchObject({ code: 'not_found' })
})

test('what an agent wrote meanwhile is shown before it is overwritten', async () => {
  const { page } = await openLive(browser, mesh)
  await mesh.agents.ann.call('state.set', { namespace: 'shared', key: 'plan', value: 'first' })
  await go(page, 'State')
  await page.getByLabel('Namespace').selectOption('shared')
  await page.getByRole('button', { name: 'plan', exact: true }).click()
  const entry = page.getByRole('region', { name: 'Entry plan' })
  await entry.getByRole('button', { name: 'Edit' }).click()
  await entry.getByRole('textbox', { name: 'Value' }).fill('mine')
  await mesh.agents.ben.call('state.set', { namespace: 'shared', key: 'plan', value: 'theirs' })
  await entry.getByRole('alert').getByText('ben').waitFor()
  await entry.getByText('theirs', { exact: true }).waitFor()
  expect((await mesh.agents.ann.call('state.get', { namespace: 'shared', key: 'plan' })).entry.value).toBe('theirs')
  await entry.getByRole('button', { name: 'Save mine over it' }).click()
  await page.getByText('Saved plan').waitFor()
  expect((await mesh.agents.ann.call('state.get', { namespace: 'shared', key: 'plan' })).entry.value).toBe('mine')
})

test('an id is copied', async () => {
  const { page } = await openLive(browser, mesh)
  await page.getByRole('button', { name: 'Copy id of ann' }).click()
  await page.getByText('Copied the id').waitFor()
  expect(await page.evaluate(() => navigator.clipboard.readText())).toMatch(/^p_[0-9a-z]+$/)
})
