import type { Environment } from '../../../core/config.ts'

/** The platform's way to show a file in the browser that the user has chosen. Pure. */

export interface Opener {
  readonly program: string
  readonly args: readonly string[]
  /** Windows: the arguments are quoted already, as its shell wants them. */
  readonly verbatim: boolean
}

export function openerOf(platform: NodeJS.Platform, file: string): Opener {
  switch (platform) {
    case 'darwin':
      return { program: 'open', args: [file], verbatim: false }
    case 'win32':
      // The first quoted word would be the window's title.
      return { program: 'cmd', args: ['/d', '/s', '/c', `"start "" "${file}""`], verbatim: true }
    default:
      return { program: 'xdg-open', args: [file], verbatim: false }
  }
}

/** Whether there is a screen on which a browser could appear. WSL has that of Windows. */
export const hasScreen = (platform: NodeJS.Platform, env: Environment): boolean =>
  platform === 'darwin' || platform === 'win32' || Boolean(env.DISPLAY || env.WAYLAND_DISPLAY || env.WSL_DISTRO_NAME)
