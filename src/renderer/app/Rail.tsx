import { Database, History, ListChecks, ScatterChart, Table2 } from 'lucide-react'
import type { ReactNode } from 'react'
import { type Screen, useView } from '../state/view.ts'
import { Tip } from '../ui/controls.tsx'
import styles from './app.module.css'

const SCREENS: {
  screen: Screen
  label: string
  keys: string
  icon: ReactNode
  needs: 'nothing' | 'store' | 'collection'
}[] = [
  { screen: 'store', label: 'Store', keys: '1', icon: <Database size={18} />, needs: 'nothing' },
  { screen: 'map', label: 'Map', keys: '2', icon: <ScatterChart size={18} />, needs: 'collection' },
  { screen: 'table', label: 'Table', keys: '3', icon: <Table2 size={18} />, needs: 'collection' },
  { screen: 'history', label: 'History', keys: '4', icon: <History size={18} />, needs: 'store' },
  { screen: 'jobs', label: 'Jobs', keys: '5', icon: <ListChecks size={18} />, needs: 'nothing' },
]

export function Rail() {
  const screen = useView((view) => (view.blocked ? null : view.screen))
  const store = useView((view) => view.store !== null)
  const collection = useView((view) => view.collection !== null)
  const running = useView((view) => Object.keys(view.jobs).length)
  return (
    <nav className={styles.rail} aria-label="Views">
      {SCREENS.map((one) => (
        <Tip key={one.screen} label={one.label} keys={one.keys} side="right">
          <button
            type="button"
            className={styles.railButton}
            aria-label={one.screen === 'jobs' && running > 0 ? `Jobs, ${running} running` : one.label}
            aria-current={screen === one.screen ? 'page' : undefined}
            disabled={(one.needs === 'collection' && !collection) || (one.needs === 'store' && !store)}
            onClick={() => useView.getState().setScreen(one.screen)}
          >
            {one.icon}
            {one.screen === 'jobs' && running > 0 && <span className={styles.badge}>{running}</span>}
          </button>
        </Tip>
      ))}
    </nav>
  )
}
