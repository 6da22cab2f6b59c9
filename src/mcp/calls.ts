import { randomBytes } from 'node:crypto'
import type { Server } from '@modelcontextprotocol/sdk/server/index.js'
import type { RequestHandlerExtra } from '@modelcontextprotocol/sdk/shared/protocol.js'
import {
  CallToolRequestSchema,
  type CallToolResult,
  ErrorCode,
  ListToolsRequestSchema,
  McpError,
  type ServerNotification,
  type ServerRequest,
} from '@modelcontextprotocol/sdk/types.js'
import { monotonicMs } from '../core/clock.ts'
import type { Door } from '../core/doors.ts'
import { fail, MeshError } from '../core/errors.ts'
import type { OperationName, Output } from '../core/operations.ts'
import { Scope } from '../core/scope.ts'
import { answerText, errorText } from './answers.ts'
import { answerHook, HOOK_TOOL, sessionOf } from './hook-tool.ts'
import type { Joined, Session } from './session.ts'
import tools from './tools.json' with { type: 'json' }
import type { AnsweringTransport } from './transport.ts'

/** A tool call from request to answer: who asks, what it means, what it carries, and what to tell beside it. */

type Extra = RequestHandlerExtra<ServerRequest, ServerNotification>

const PROGRESS_EVERY_MS = 5_000
/** Where an error's code and facts stand in an answer, for programs. */
const ERROR_META = 'slm-mesh/error'

export function serveTools(server: Server, session: Session, transport: AnsweringTransport): void {
  // As text that was made beforehand: a client waits for this list at every start, and making it loads all schemas.
  server.setRequestHandler(ListToolsRequestSchema, () => ({ tools }))
  server.setRequestHandler(CallToolRequestSchema, async ({ params }, extra) => {
    if (params.name === HOOK_TOOL) return hook(params.arguments ?? {}, extra, session, transport)
    const { meshDoors } = await import('./tools.ts')
    const door = meshDoors.get(params.name)
    if (!door) throw new McpError(ErrorCode.InvalidParams, `there is no tool ${params.name}`)
    return call(door, params.arguments ?? {}, extra, session, transport)
  })
}

type After = (run: (left: boolean) => Promise<void>) => void

/** Joins, answers, and once it is known whether the answer has left, settles what it carried. */
async function answered(
  extra: Extra,
  session: Session,
  transport: AnsweringTransport,
  answer: (joined: Joined, after: After) => Promise<CallToolResult>,
  failed: (error: unknown, joined: Joined | undefined) => CallToolResult,
): Promise<CallToolResult> {
  const carried: ((left: boolean) => Promise<void>)[] = []
  let joined: Joined | undefined
  try {
    joined = await session.join()
    return await answer(joined, (run) => void carried.push(run))
  } catch (error) {
    return failed(error, joined)
  } finally {
    transport.onceAnswered(extra.requestId, extra.signal, async (left) => {
      // Each for itself: what one cannot note must not keep the next from being noted.
      for (const run of carried)
        await run(left).catch((error: unknown) => joined?.peer.log.warn('could not note an answer', { error }))
    })
  }
}

function call(door: Door, given: Record<string, unknown>, extra: Extra, session: Session, transport: AnsweringTransport) {
  return answered(
    extra,
    session,
    transport,
    async (joined, after) => {
      await session.recogniseCall(joined, extra._meta)
      await transport.settled()
      // Models fill in optional fields with null.
      const input = Object.fromEntries(Object.entries(given).filter(([, value]) => value !== null))
      await using progress = reportProgress(extra, input.wait)
      const context = joined.peer.context({ signal: extra.signal, afterAnswer: after })
      const open = () => door.open(context, input)
      const isWaitForMail = door.name === 'mesh_inbox' && typeof input.wait === 'number' && input.wait > 0
      const { operation, output } = isWaitForMail ? await joined.delivery.waking.whileWaiting(open) : await open()
      await progress[Symbol.asyncDispose]()
      const notice = await joined.delivery.notice(operation)
      if (notice) after((left) => notice.settle(left))
      return result(operation, output, notice?.text)
    },
    (error, joined) => failure(error, door.name, joined),
  )
}

/** A hook of the agent's that is a call of ours: where it cannot be answered, the agent is not held up. */
function hook(args: Record<string, unknown>, extra: Extra, session: Session, transport: AnsweringTransport) {
  return answered(
    extra,
    session,
    transport,
    async (joined, after) => {
      await session.recogniseHook(joined, sessionOf(args))
      await transport.settled()
      return answerHook(joined, args, { signal: extra.signal, afterAnswer: after })
    },
    (error, joined) => {
      joined?.peer.log.error('a hook could not be answered', { event: args.event, error })
      return { content: [{ type: 'text', text: '{}' }] }
    },
  )
}

function result<N extends OperationName>(operation: N, output: unknown, notice: string | undefined): CallToolResult {
  // `open` has run that very operation.
  const typed = output as Output<N>
  const text = answerText(operation, typed, Date.now())
  return {
    content: [{ type: 'text', text: notice === undefined ? text : `${text}\n\n[mesh] ${notice}` }],
    structuredContent: { ...typed, ...(notice !== undefined && { notice }) },
  }
}

function failure(error: unknown, tool: string, joined: Joined | undefined): CallToolResult {
  const known = error instanceof MeshError ? error : bug(error, tool, joined)
  return {
    isError: true,
    content: [{ type: 'text', text: errorText(known) }],
    _meta: { [ERROR_META]: { code: known.code, facts: known.facts } },
  }
}

/** Anything that is no MeshError is a bug: logged with its stack, told without it. */
function bug(error: unknown, tool: string, joined: Joined | undefined): MeshError {
  const reference = randomBytes(4).toString('hex')
  joined?.peer.log.error('bug', { reference, tool, error })
  return fail('internal', { reference }, { cause: error })
}

/** While a call waits, tells the client that it does, so that it does not give up. */
function reportProgress(extra: Extra, wait: unknown): Scope {
  const scope = new Scope()
  const progressToken = extra._meta?.progressToken
  if (progressToken === undefined || typeof wait !== 'number' || wait <= 0) return scope
  const startedAt = monotonicMs()
  const report = () =>
    extra.sendNotification({
      method: 'notifications/progress',
      params: { progressToken, progress: Math.round((monotonicMs() - startedAt) / 1000), total: wait, message: 'waiting' },
    })
  scope.every(PROGRESS_EVERY_MS, report, () => {})
  return scope
}
