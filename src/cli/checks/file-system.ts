import { existsSync, statfsSync } from 'node:fs'
import { dirname } from 'node:path'
import { networkFileSystem } from '../../core/network-file-system.ts'
import { bad, type Check, type Found, ok, unknown, warn } from './check.ts'

/** On what kind of file system does the mesh stand? SQLite's WAL needs memory that all processes share: one machine. */
export const fileSystem: Check = ({ layout, platform }) => judgeFileSystem(statfsSync(existing(layout.dataDir)).type, platform)

const MOVE = 'set SLM_MESH_DATA_DIR to a directory on a local disk, for all agents'

/** By the magic number that Linux's statfs tells. Pure. */
export function judgeFileSystem(type: number, platform: NodeJS.Platform): Found {
  if (platform !== 'linux') return unknown('not told by this platform; it must be a local disk')
  const magic = type >>> 0
  const shared = networkFileSystem(type)
  if (shared !== undefined)
    return warn(`${shared}: processes of several machines would not see each other's locks, and could destroy the file`, MOVE)
  const simple = WITHOUT_SOCKETS[magic]
  if (simple !== undefined) return bad(`${simple} holds neither sockets nor file modes`, MOVE)
  const local = LOCAL[magic]
  return local !== undefined ? ok(local) : unknown(`a file system of type 0x${magic.toString(16)}; it must be a local disk`)
}

const WITHOUT_SOCKETS: Readonly<Record<number, string>> = { 19780: 'FAT', 538032816: 'exFAT' }

const LOCAL: Readonly<Record<number, string>> = {
  61267: 'ext4',
  1481003842: 'XFS',
  2435016766: 'Btrfs',
  3393526350: 'bcachefs',
  801189825: 'ZFS',
  4076150800: 'F2FS',
  827541066: 'JFS',
  1382369651: 'ReiserFS',
  13364: 'NILFS',
  61791: 'eCryptfs',
  2035054128: 'overlay',
  16914836: 'tmpfs, in memory: it is empty after a restart of the machine',
  2240043254: 'ramfs, in memory: it is empty after a restart of the machine',
  1397118030: 'NTFS',
  1936094318: 'NTFS',
  18475: 'HFS+',
}

/** The nearest directory that is there already. */
export function existing(path: string): string {
  let at = path
  while (!existsSync(at) && dirname(at) !== at) at = dirname(at)
  return at
}
