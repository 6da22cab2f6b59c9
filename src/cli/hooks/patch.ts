/** The files of an `apply_patch` text, as Codex and others write it. Pure. */

const FILE = /^\*\*\* (?:Add File|Update File|Delete File|Move to): (.+?)\s*$/gm

export const patchedPaths = (patch: string): string[] => [...new Set([...patch.matchAll(FILE)].flatMap(([, path]) => path ?? []))]
