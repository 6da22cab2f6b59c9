/** The library: a Node program as a peer of the mesh. */

import type { MeshPeer, JoinOptions as PeerOptions } from './peer/mesh-peer.ts'
import { joinMesh as joinAsPeer } from './peer/peer.ts'

export { MeshError } from './core/errors.ts'
export type { Caller, Input, OperationName, Output } from './core/operations.ts'

/** What a program may say of itself when it joins; all of it optional. */
export type JoinOptions = Pick<PeerOptions, 'env' | 'agentType' | 'projectPath' | 'sessionKey' | 'stderr'>

/** A program's place on the mesh: who it is, everything it can do (`call`), and how it leaves. */
export type Mesh = Pick<MeshPeer, 'self' | 'returned' | 'call' | 'leave'> & AsyncDisposable

/** Joins the mesh of the data directory. Throws `MeshError`, with `code` `unsafe`, `read_only`, `schema_newer`, `full`, … */
export const joinMesh: (options?: JoinOptions) => Promise<Mesh> = joinAsPeer
