import { Dialog } from '@base-ui/react/dialog'
import { type KeyboardEvent, useEffect, useRef, useState } from 'react'
import { Keys } from '../ui/controls.tsx'
import pieces from '../ui/pieces.module.css'
import { Dialog as SheetDialog } from '../ui/pieces.tsx'
import styles from './app.module.css'
import { type Command, commandTitle, findCommands, momentCommands } from './commands.ts'

interface PaletteProps {
  commands: readonly Command[]
  open: boolean
  onClose: () => void
}

/** Every command by its name. */
export function Palette({ commands, open, onClose }: PaletteProps) {
  return (
    <Dialog.Root open={open} onOpenChange={(next) => !next && onClose()}>
      <Dialog.Portal>
        <Dialog.Backdrop className={pieces.scrim} />
        <Dialog.Popup className={styles.palette} aria-label="Commands">
          <PaletteBody commands={commands} onClose={onClose} />
        </Dialog.Popup>
      </Dialog.Portal>
    </Dialog.Root>
  )
}

function PaletteBody({ commands, onClose }: Omit<PaletteProps, 'open'>) {
  const [text, setText] = useState('')
  const [at, setAt] = useState(0)
  const list = useRef<HTMLDivElement>(null)
  const found = findCommands([...commands, ...momentCommands()], text)
  const chosen = found[Math.min(at, found.length - 1)]
  useEffect(() => {
    list.current?.querySelector(`[data-at="${at}"]`)?.scrollIntoView({ block: 'nearest' })
  }, [at])

  function run(command: Command | undefined) {
    if (!command) return
    onClose()
    // After the dialog has given the focus back: commands may want it.
    setTimeout(() => command.run(), 0)
  }

  function pressed(event: KeyboardEvent) {
    if (event.key === 'Enter') run(chosen)
    const step = event.key === 'ArrowDown' ? 1 : event.key === 'ArrowUp' ? -1 : 0
    if (step === 0 || found.length === 0) return
    event.preventDefault()
    setAt((Math.min(at, found.length - 1) + step + found.length) % found.length)
  }

  return (
    <>
      <input
        className={styles.paletteInput}
        placeholder="What would you like to do?"
        aria-label="Find a command"
        role="combobox"
        aria-expanded="true"
        aria-controls="palette-list"
        aria-activedescendant={chosen ? `command-${chosen.id}` : undefined}
        spellCheck={false}
        autoComplete="off"
        value={text}
        onChange={(event) => {
          setText(event.target.value)
          setAt(0)
        }}
        onKeyDown={pressed}
      />
      <div ref={list} id="palette-list" className={styles.paletteList} role="listbox" aria-label="Commands">
        {found.map((command, i) => (
          // biome-ignore lint/a11y/useFocusableInteractive lint/a11y/useKeyWithClickEvents: the field above has the focus and the keys
          <div
            key={command.id}
            id={`command-${command.id}`}
            data-at={i}
            className={styles.option}
            role="option"
            aria-selected={command === chosen}
            onPointerMove={() => setAt(i)}
            onClick={() => run(command)}
          >
            <span className={styles.optionGroup}>{command.group}</span>
            <span className={styles.optionTitle}>{commandTitle(command)}</span>
            {command.keys && <Keys keys={command.keys} />}
          </div>
        ))}
        {found.length === 0 && <p className={styles.none}>No command has these words in it.</p>}
      </div>
    </>
  )
}

const MORE: { group: Command['group']; title: string; keys: string }[] = [
  { group: 'Window', title: 'Clear: tool, selection, search', keys: 'Escape' },
  { group: 'Query', title: 'Run the query', keys: 'Enter' },
  { group: 'Rows', title: 'Next and previous row', keys: 'ArrowDown+ArrowUp' },
  { group: 'Rows', title: 'Select from row to row', keys: 'Shift+ArrowDown' },
  { group: 'Map', title: 'Move over the map', keys: '←+→+ArrowUp+ArrowDown' },
]

export function Sheet({ commands, open, onClose }: PaletteProps) {
  const lines = [...commands.filter((command) => command.keys), ...MORE]
  const groups = [...new Set(lines.map((line) => line.group))]
  return (
    <SheetDialog open={open} onClose={onClose} title="Shortcuts" width={680}>
      <div className={styles.sheet}>
        {groups.map((group) => (
          <section key={group} className={styles.sheetGroup}>
            <h3>{group}</h3>
            {lines
              .filter((line) => line.group === group)
              .map((line) => (
                <div key={line.title} className={styles.sheetLine}>
                  <span>{line.title}</span>
                  <Keys keys={line.keys ?? ''} />
                </div>
              ))}
          </section>
        ))}
      </div>
    </SheetDialog>
  )
}
