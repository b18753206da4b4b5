import { create } from 'zustand'

/** One line about what was just done, with the way back beside it. One at a time: the newest says most. */

export interface ToastAction {
  label: string
  keys?: string
  run: () => void
}

export interface Toast {
  id: number
  text: string
  action: ToastAction | null
}

interface ToastState {
  toast: Toast | null
  say: (text: string, action?: ToastAction) => void
  /** Without an id whatever is shown. */
  hush: (id?: number) => void
}

let last = 0

export const useToast = create<ToastState>()((set) => ({
  toast: null,
  say: (text, action) => set({ toast: { id: ++last, text, action: action ?? null } }),
  hush: (id) => set(({ toast }) => (id === undefined || toast?.id === id ? { toast: null } : {})),
}))

export const say = (text: string, action?: ToastAction): void => useToast.getState().say(text, action)
