/** The library: a Node program as a peer of the mesh. */
export { MeshError } from './core/errors.ts'
export type { Caller, Input, OperationName, Output } from './core/operations.ts'
export { type JoinOptions, joinMesh, type MeshPeer } from './peer/peer.ts'
