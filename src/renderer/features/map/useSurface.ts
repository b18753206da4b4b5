import { type RefObject, useEffect, useLayoutEffect, useState } from 'react'
import { parseHex } from '../../gl/palette.ts'
import type { ScatterKind } from '../../gl/scatter.ts'
import { Surface, type SurfaceEvents } from '../../gl/surface.ts'
import type { View } from '../../gl/view.ts'
import { useTheme } from '../../state/theme.ts'

/** Where each map was left, so that it is there again when its screen comes back. */
const left = new Map<string, View>()

/** The surface of a host element; its events always reach the newest handlers. */
export function useSurface(
  host: RefObject<HTMLDivElement | null>,
  handlers: RefObject<SurfaceEvents>,
  key: string,
): Surface | null {
  const [surface, setSurface] = useState<Surface | null>(null)
  const theme = useTheme((state) => state.shown)

  useEffect(() => {
    const element = host.current
    if (!element) return
    const made = new Surface(element, {
      hover: (...args) => handlers.current.hover(...args),
      click: (...args) => handlers.current.click(...args),
      double: (...args) => handlers.current.double(...args),
      region: (...args) => handlers.current.region(...args),
      names: (...args) => handlers.current.names(...args),
      drawn: (kind: ScatterKind, took) => handlers.current.drawn(kind, took),
    })
    const before = left.get(key)
    if (before) made.showView(before)
    setSurface(made)
    return () => {
      if (made.following) left.delete(key)
      else left.set(key, made.view)
      made.destroy()
      setSurface(null)
    }
  }, [host, handlers, key])

  // biome-ignore lint/correctness/useExhaustiveDependencies: the theme changes what the styles say.
  useLayoutEffect(() => {
    if (!surface) return
    const style = getComputedStyle(document.documentElement)
    const token = (name: string): string => style.getPropertyValue(name).trim()
    surface.setStyle(
      {
        text: token('--text'),
        halo: token('--panel'),
        accent: token('--accent'),
        onAccent: token('--on-accent'),
        font: token('--font') || 'sans-serif',
      },
      parseHex(token('--secondary')),
    )
  }, [surface, theme])
  return surface
}
