/** Light, dark, or as the system has it; kept as long as the tab. */

export const THEMES = ['auto', 'light', 'dark'] as const
export type Theme = (typeof THEMES)[number]

const STORED_AS = 'slm-mesh.theme'

export const chosenTheme = (): Theme => THEMES.find((theme) => theme === sessionStorage.getItem(STORED_AS)) ?? 'auto'

export function startTheme(): void {
  document.documentElement.dataset.theme = chosenTheme()
}

export function chooseTheme(theme: Theme): void {
  sessionStorage.setItem(STORED_AS, theme)
  startTheme()
}
