import { type ReactNode, useState } from 'react'
import { Group, type Layout, Panel, Separator } from 'react-resizable-panels'
import type { CollectionInfo, StoreInfo } from '../../contract/index.ts'
import { LookBanner } from '../features/history/LookBanner.tsx'
import { Inspector } from '../features/inspector/Inspector.tsx'
import MapView from '../features/map/MapView.tsx'
import { QueryBar } from '../features/query/QueryBar.tsx'
import { Results } from '../features/query/Results.tsx'
import { TableView } from '../features/table/TableView.tsx'
import { TagPopover } from '../features/tag/TagPopover.tsx'
import { type Pane, useView } from '../state/view.ts'
import { cx } from '../ui/controls.tsx'
import styles from './app.module.css'

/** A collection: the query above, map and table on the left, results and inspector on the right. */
export function Workspace({ store, collection }: { store: StoreInfo; collection: CollectionInfo }) {
  const screen = useView((view) => view.screen)
  const maximized = useView((view) => view.maximized)
  const pane = (name: Pane) => ({
    maximized: maximized === name,
    onMaximize: () => useView.getState().setMaximized(maximized === name ? null : name),
  })
  const about = { store, collection }
  const tableOnly = screen === 'table'
  return (
    <div className={styles.work}>
      <LookBanner />
      <QueryBar key={`${store.store} ${collection.name}`} collection={collection} />
      <div className={styles.panes}>
        <RememberedGroup name="columns" orientation="horizontal">
          <Panel id="left" minSize="480px" defaultSize="72%">
            <div className={styles.left}>
              <RememberedGroup name="left" orientation="vertical">
                <Panel id="map" minSize="160px" defaultSize="64%">
                  <div
                    className={cx(
                      styles.pane,
                      styles.mapPane,
                      tableOnly && maximized !== 'map' && styles.hidden,
                      maximized === 'map' && styles.whole,
                    )}
                  >
                    <MapView />
                  </div>
                </Panel>
                <Separator className={styles.handleY} aria-label="Height of the map" />
                <Panel id="table" minSize="120px" defaultSize="36%">
                  <div
                    className={cx(
                      styles.pane,
                      tableOnly && styles.over,
                      maximized === 'table' && styles.whole,
                    )}
                  >
                    <TableView {...about} {...pane('table')} />
                  </div>
                </Panel>
              </RememberedGroup>
            </div>
          </Panel>
          <Separator className={styles.handleX} aria-label="Width of the results" />
          <Panel id="right" minSize="260px" maxSize="60%" defaultSize="28%">
            <RememberedGroup name="right" orientation="vertical">
              <Panel id="results" minSize="96px" defaultSize="48%">
                <div className={cx(styles.pane, maximized === 'results' && styles.whole)}>
                  <Results collection={collection} {...pane('results')} />
                </div>
              </Panel>
              <Separator className={styles.handleY} aria-label="Height of the results" />
              <Panel id="inspector" minSize="96px" defaultSize="52%">
                <div className={cx(styles.pane, maximized === 'inspector' && styles.whole)}>
                  <Inspector {...about} {...pane('inspector')} />
                </div>
              </Panel>
            </RememberedGroup>
          </Panel>
        </RememberedGroup>
      </div>
      <TagPopover collection={collection} />
    </div>
  )
}

interface GroupProps {
  name: string
  orientation: 'horizontal' | 'vertical'
  children: ReactNode
}

/** A group of panes that comes back as the person left it. */
function RememberedGroup({ name, orientation, children }: GroupProps) {
  const key = `omendb.panes:${name}`
  const [layout] = useState(() => loadLayout(key))
  return (
    <Group
      id={name}
      orientation={orientation}
      defaultLayout={layout}
      style={{ height: '100%' }}
      onLayoutChanged={(next) => {
        try {
          localStorage.setItem(key, JSON.stringify(next))
        } catch {
          // Sizes are a comfort; without room for them they last as long as the window.
        }
      }}
    >
      {children}
    </Group>
  )
}

function loadLayout(key: string): Layout | undefined {
  try {
    const parsed: unknown = JSON.parse(localStorage.getItem(key) ?? 'null')
    if (typeof parsed !== 'object' || parsed === null) return undefined
    const sizes = Object.entries(parsed)
    if (!sizes.every(([, size]) => typeof size === 'number' && size >= 0 && size <= 100)) return undefined
    return Object.fromEntries(sizes)
  } catch {
    return undefined
  }
}
