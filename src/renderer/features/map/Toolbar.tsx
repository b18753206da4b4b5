import {
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
import { KEPT } from '../../state/view.ts'
import { Button, IconButton, Select } from '../../ui/controls.tsx'
import { scoreText } from '../../ui/format.ts'
import { Clusters } from './Clusters.tsx'
import { DrawPopover, type DrawRequest } from './DrawPopover.tsx'
import { colourColumns } from './data.ts'
import styles from './map.module.css'
import { Spacing } from './Spacing.tsx'

/** Stands for "no column" in the menu; no column is called this, names have at least one character. */
const NONE = ''

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
  onMaximize: () => void
}

export function Toolbar(props: ToolbarProps) {
  const { collection, saved, name, forming, why, colourBy, tool, maximized, onTool } = props
  const options = [
    { value: NONE, label: 'nothing' },
    ...(saved || colourBy === KEPT ? [{ value: KEPT, label: 'neighbours kept', hint: 'of the map' }] : []),
    ...colourColumns(collection).map(({ name, type }) => ({ value: name, label: name, hint: type })),
  ]
  const maps = collection.maps.map((map) => ({
    value: map.name,
    label: map.name,
    hint: map.score ? `trust ${scoreText(map.score.trustworthiness)}` : '',
  }))
  if (!maps.some(({ value }) => value === name)) maps.push({ value: name, label: name, hint: '' })
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
            {saved ? 'Redraw' : 'Draw map'}
          </Button>
        )}
        {!forming && why === null && (
          <DrawPopover
            saved={saved}
            name={name}
            onDraw={props.onDraw}
            trigger={
              <button type="button" className={styles.quietButton}>
                <SlidersHorizontal size={14} aria-hidden="true" />
                {saved ? 'Redraw' : 'Draw map'}
              </button>
            }
          />
        )}
        {!forming && why === null && saved?.method === 'umap' && (
          <Spacing info={saved} onSpace={props.onSpace} />
        )}
        {!forming && saved && <Clusters store={props.store} collection={collection} />}
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
