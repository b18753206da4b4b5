/** Shortcuts as text: parts joined by "+", "Mod" for Ctrl or Cmd. */

const MAC = typeof navigator !== 'undefined' && /mac/i.test(navigator.platform)

const LABELS: Record<string, string> = MAC
  ? { Mod: '⌘', Shift: '⇧', Alt: '⌥', Enter: '↵', Escape: 'Esc', ArrowUp: '↑', ArrowDown: '↓' }
  : { Mod: 'Ctrl', Escape: 'Esc', ArrowUp: '↑', ArrowDown: '↓' }

/** The keys of a shortcut as printed on a keyboard. */
export function keyLabels(keys: string): string[] {
  return keys.split('+').map((part) => LABELS[part] ?? part)
}

type Pressed = Pick<KeyboardEvent, 'key' | 'ctrlKey' | 'metaKey' | 'altKey' | 'shiftKey'>

/** Whether a key press is this shortcut, no more and no less. Signs like "?" carry their Shift in themselves. */
export function matches(keys: string, event: Pressed, mac = MAC): boolean {
  const parts = keys.split('+')
  const key = parts.at(-1) ?? ''
  const mod = mac ? event.metaKey : event.ctrlKey
  const other = mac ? event.ctrlKey : event.metaKey
  if (other || mod !== parts.includes('Mod') || event.altKey !== parts.includes('Alt')) return false
  const letter = /^[a-z]$/i.test(key)
  if ((letter || key.length > 1) && event.shiftKey !== parts.includes('Shift')) return false
  return letter ? event.key.toLowerCase() === key.toLowerCase() : event.key === key
}

/** True where a plain key is text and not a shortcut. */
export function isTyping(target: EventTarget | null): boolean {
  if (!(target instanceof HTMLElement)) return false
  if (target instanceof HTMLTextAreaElement || target.isContentEditable) return true
  return target instanceof HTMLInputElement && !['checkbox', 'radio', 'range', 'button'].includes(target.type)
}

/** Whether one of these (dialog, menu, listbox) lies over the window. What was open once may stay in the page, closed. */
export function isOpen(...roles: string[]): boolean {
  return document.querySelector(roles.map((role) => `[role="${role}"]:not([data-closed])`).join()) !== null
}
