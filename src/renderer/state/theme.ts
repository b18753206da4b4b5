import { create } from 'zustand'
import type { Theme } from '../../contract/index.ts'
import { shell } from '../client/shell.ts'

/** Light or dark: what the person chose, else what the system says. The page's root carries the answer. */

const system = window.matchMedia('(prefers-color-scheme: dark)')

interface ThemeState {
  theme: Theme
  shown: 'light' | 'dark'
  setTheme: (theme: Theme) => void
}

export const useTheme = create<ThemeState>()((set) => ({
  theme: 'system',
  shown: system.matches ? 'dark' : 'light',
  setTheme: (theme) => {
    set(show(theme))
    void shell('setTheme', theme).catch(() => undefined)
  },
}))

function show(theme: Theme): Pick<ThemeState, 'theme' | 'shown'> {
  const shown = theme === 'system' ? (system.matches ? 'dark' : 'light') : theme
  document.documentElement.dataset.theme = shown
  return { theme, shown }
}

/** Shows the theme at once, and the chosen one as soon as the shell tells it. */
export function startTheme(): void {
  useTheme.setState(show('system'))
  system.addEventListener('change', () => useTheme.setState(show(useTheme.getState().theme)))
  void shell('info')
    .then((info) => useTheme.setState(show(info.theme)))
    .catch(() => undefined)
}
