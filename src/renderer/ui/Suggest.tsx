import { Autocomplete } from '@base-ui/react/autocomplete'
import { type Ref, useState } from 'react'
import styles from './controls.module.css'

export interface Suggestion {
  value: string
  hint?: string
}

interface SuggestProps {
  label: string
  value: string
  options: readonly Suggestion[]
  onChange: (value: string) => void
  placeholder?: string
  invalid?: boolean
  describedBy?: string
  maxLength?: number
  inputRef?: Ref<HTMLInputElement>
}

/** Options that hold the text; none if the text is one of them already. */
export function matching(options: readonly Suggestion[], text: string): Suggestion[] {
  const typed = text.trim().toLowerCase()
  const found = options.filter((option) => option.value.toLowerCase().includes(typed))
  return found.length === 1 && found[0]?.value === text ? [] : found
}

/** A field for any text that offers what is there already. */
export function Suggest(props: SuggestProps) {
  const { label, value, options, onChange, placeholder, invalid, describedBy, maxLength, inputRef } = props
  const [wanted, setWanted] = useState(false)
  const matches = matching(options, value)
  return (
    <Autocomplete.Root
      items={matches}
      // They are filtered here, so that the list is open only where it has something to offer.
      mode="none"
      open={wanted && matches.length > 0}
      onOpenChange={setWanted}
      value={value}
      onValueChange={onChange}
      itemToStringValue={(option: Suggestion) => option.value}
      openOnInputClick
    >
      <Autocomplete.Input
        ref={inputRef}
        className={styles.field}
        aria-label={label}
        aria-invalid={invalid || undefined}
        aria-describedby={describedBy}
        placeholder={placeholder}
        maxLength={maxLength}
        spellCheck={false}
        autoComplete="off"
      />
      <Autocomplete.Portal>
        <Autocomplete.Positioner sideOffset={4} collisionPadding={6} style={{ zIndex: 60 }}>
          <Autocomplete.Popup className={styles.suggestions} data-suggestions>
            <Autocomplete.List>
              {(option: Suggestion) => (
                <Autocomplete.Item key={option.value} value={option} className={styles.item}>
                  <span className={styles.itemText}>{option.value}</span>
                  {option.hint && <span className={styles.itemHint}>{option.hint}</span>}
                </Autocomplete.Item>
              )}
            </Autocomplete.List>
          </Autocomplete.Popup>
        </Autocomplete.Positioner>
      </Autocomplete.Portal>
    </Autocomplete.Root>
  )
}
