import {
  Columns2,
  Hand,
  Lasso,
  Maximize2,
  Minimize2,
  Minus,
  Plus,
  Scan,
  SlidersHorizontal,
  SquareDashed,
  Trash2,
} from 'lucide-react'
import type { CollectionInfo, MapInfo } from '../../../contract/index.ts'
import type { Tool } from '../../gl/surface.ts'
import { useView } from '../../state/view.ts'
import { Button, IconButton, Select } from '../../ui/controls.tsx'
import { Clusters } from './Clusters.tsx'
import { DrawPopover, type DrawRequest } from './DrawPopover.tsx'
import styles from './map.module.css'
import { colourOptions, mapOptions, NONE } from './options.ts'
import { Spacing } from './Spacing.tsx'

interface ToolbarProps {
  store: string
  collection: CollectionInfo
  saved: MapInfo | null
  name: string
  forming: boolean
  /** Why no map can be drawn now; null where one can. */
  why: string | null
  colourBy: string | null
  tool: Tool
  maximized: boolean
  onColourBy: (column: string | null) => void
  onTool: (tool: Tool) => void
  onFit: () => void
  onZoom: (direction: 1 | -1) => void
  onDraw: (request: DrawRequest) => void
  onName: (name: string) => void
  onDelete: () => void
  onSpace: (minDist: number) => void
  /** Whether another map is beside this one. */
  beside: boolean
  onBeside: () => void
  onMaximize: () => void
}

export function Toolbar(props: ToolbarProps) {
  const { collection, saved, name, forming, why, colourBy, tool, maximized, onTool } = props
  const besideName = useView((view) => view.beside)
  const options = colourOptions(collection, {
    saved: saved !== null,
    placed: (saved?.placed ?? 0) > 0,
    beside: besideName,
    colourBy,
  })
  const maps = mapOptions(collection, name)
  const tools: { tool: Tool; label: string; keys?: string; icon: typeof Hand }[] = [
    { tool: 'pan', label: 'Move the map', icon: Hand },
    { tool: 'lasso', label: 'Lasso: select what you draw around', keys: 'L', icon: Lasso },
    { tool: 'box', label: 'Select in a box', icon: SquareDashed },
  ]
  return (
    <>
      <div className={styles.left} data-float>
        {maps.length > 1 && (
          <Select
            label="Map"
            value={name}
            options={maps}
            onChange={props.onName}
            className={styles.colourBy}
          />
        )}
        <span className={styles.caption}>Colour by</span>
        <Select
          label="Colour by"
          value={colourBy ?? NONE}
          options={options}
          onChange={(value) => props.onColourBy(value === NONE ? null : value)}
          className={styles.colourBy}
        />
        {!forming && why !== null && (
          <Button look="quiet" why={why} className={styles.quietButton}>
            <SlidersHorizontal size={14} aria-hidden="true" />
            <span className={styles.toolLabel}>{saved ? 'Redraw' : 'Draw map'}</span>
          </Button>
        )}
        {!forming && why === null && (
          <DrawPopover
            saved={saved}
            name={name}
            maps={collection.maps}
            onDraw={props.onDraw}
            trigger={
              <button type="button" className={styles.quietButton}>
                <SlidersHorizontal size={14} aria-hidden="true" />
                <span className={styles.toolLabel}>{saved ? 'Redraw' : 'Draw map'}</span>
              </button>
            }
          />
        )}
        {!forming && why === null && saved?.method === 'umap' && (
          <Spacing info={saved} onSpace={props.onSpace} />
        )}
        {(collection.maps.length > 1 || props.beside) && (
          <IconButton
            label={props.beside ? 'Put the map beside away' : 'Compare: another map beside this one'}
            aria-pressed={props.beside}
            onClick={props.onBeside}
          >
            <Columns2 size={14} aria-hidden="true" />
          </IconButton>
        )}
        {!forming && saved && <Clusters store={props.store} collection={collection} vector={saved.vector} />}
        {!forming && why === null && saved && collection.maps.length > 1 && (
          <IconButton label="Delete this map" onClick={props.onDelete}>
            <Trash2 size={14} aria-hidden="true" />
          </IconButton>
        )}
      </div>
      {/* biome-ignore lint/a11y/useSemanticElements: a fieldset would bring a frame and a legend. */}
      <div className={styles.right} role="group" aria-label="Map tools" data-float>
        {tools.map(({ tool: one, label, keys, icon: Icon }) => (
          <IconButton
            key={one}
            label={label}
            keys={keys}
            aria-pressed={tool === one}
            onClick={() => onTool(one)}
          >
            <Icon size={15} aria-hidden="true" />
          </IconButton>
        ))}
        <span className={styles.divider} />
        <IconButton label="Zoom out" keys="-" onClick={() => props.onZoom(-1)}>
          <Minus size={15} aria-hidden="true" />
        </IconButton>
        <IconButton label="Zoom in" keys="+" onClick={() => props.onZoom(1)}>
          <Plus size={15} aria-hidden="true" />
        </IconButton>
        <IconButton label="Show the whole map" keys="Home" onClick={props.onFit}>
          <Scan size={15} aria-hidden="true" />
        </IconButton>
        <span className={styles.divider} />
        <IconButton
          label={maximized ? 'Give the window back' : 'Map: use the whole window'}
          keys={maximized ? 'Escape' : undefined}
          onClick={props.onMaximize}
        >
          {maximized ? (
            <Minimize2 size={14} aria-hidden="true" />
          ) : (
            <Maximize2 size={14} aria-hidden="true" />
          )}
        </IconButton>
      </div>
    </>
  )
}
