import { useEffect, useLayoutEffect, useState } from 'react'
import type { Surface, Tool } from '../../gl/surface.ts'

/** The tool in hand, which keys change too: L for the lasso, Esc to put it away. */
export function useTool(surface: Surface | null): [Tool, (tool: Tool) => void] {
  const [tool, setTool] = useState<Tool>('pan')
  useLayoutEffect(() => surface?.setTool(tool), [surface, tool])
  useEffect(() => {
    const key = (event: KeyboardEvent): void => {
      if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return
      // A command of the palette speaks from the window itself, which is no element.
      const target = event.target instanceof Element ? event.target : null
      if (
        target?.closest(
          'input, textarea, select, [contenteditable], [role="dialog"], [role="menu"], [role="listbox"]',
        )
      )
        return
      if (event.key === 'l' || event.key === 'L') {
        event.preventDefault()
        setTool((before) => (before === 'lasso' ? 'pan' : 'lasso'))
      } else if (event.key === 'Escape' && (surface?.dropStroke() || tool !== 'pan')) {
        // One thing for one press: the tool first, then what the window does on Esc.
        event.preventDefault()
        event.stopImmediatePropagation()
        setTool('pan')
      }
    }
    window.addEventListener('keydown', key, { capture: true })
    return () => window.removeEventListener('keydown', key, { capture: true })
  }, [surface, tool])
  return [tool, setTool]
}
