import { Checkbox as BaseCheckbox } from '@base-ui/react/checkbox'
import { Menu as BaseMenu } from '@base-ui/react/menu'
import { Select as BaseSelect } from '@base-ui/react/select'
import { Toggle } from '@base-ui/react/toggle'
import { ToggleGroup } from '@base-ui/react/toggle-group'
import { Tooltip } from '@base-ui/react/tooltip'
import { Check, ChevronDown } from 'lucide-react'
import type { ComponentProps, ReactElement, ReactNode } from 'react'
import styles from './controls.module.css'
import { keyLabels } from './keys.ts'

/** The dumb controls: behaviour from Base UI, looks from here. Every one has a name. */

export function cx(...names: (string | false | null | undefined)[]): string {
  return names.filter(Boolean).join(' ')
}

/** A shortcut as keys, e.g. "Mod+K". */
export function Keys({ keys }: { keys: string }) {
  return (
    <span className={styles.kbd} aria-hidden="true">
      {keyLabels(keys).map((label) => (
        <kbd key={label}>{label}</kbd>
      ))}
    </span>
  )
}

interface TipProps {
  label: ReactNode
  keys?: string
  side?: 'top' | 'right' | 'bottom' | 'left'
  children: ReactElement
}

/** A tooltip on the element inside. It repeats the name; it is never the only place where something stands. */
export function Tip({ label, keys, side = 'bottom', children }: TipProps) {
  return (
    <Tooltip.Root>
      <Tooltip.Trigger render={children as ReactElement<Record<string, unknown>>} />
      <Tooltip.Portal>
        <Tooltip.Positioner side={side} sideOffset={6} collisionPadding={6} style={{ zIndex: 60 }}>
          <Tooltip.Popup className={styles.tip}>
            {label}
            {keys && <Keys keys={keys} />}
          </Tooltip.Popup>
        </Tooltip.Positioner>
      </Tooltip.Portal>
    </Tooltip.Root>
  )
}

/** Why something cannot be done now; it stays in sight and tells on hover and focus. */
interface Withheld {
  why?: string | null
}

function withheld(why: string | null | undefined): ComponentProps<'button'> {
  return why ? { 'aria-disabled': true, onClick: (event) => event.preventDefault() } : {}
}

type ButtonProps = ComponentProps<'button'> &
  Withheld & { look?: 'plain' | 'primary' | 'quiet' | 'danger'; side?: TipProps['side'] }

export function Button({ look = 'plain', why, side, className, ...rest }: ButtonProps) {
  const button = (
    <button
      type="button"
      className={cx(
        styles.button,
        look === 'primary' && styles.primary,
        look === 'quiet' && styles.quiet,
        look === 'danger' && styles.danger,
        className,
      )}
      {...rest}
      {...withheld(why)}
    />
  )
  return why ? (
    <Tip label={why} side={side}>
      {button}
    </Tip>
  ) : (
    button
  )
}

type IconButtonProps = Omit<ComponentProps<'button'>, 'aria-label'> &
  Withheld & {
    /** Accessible name and tooltip. */
    label: string
    keys?: string
    small?: boolean
    side?: TipProps['side']
  }

export function IconButton({ label, keys, small, side, why, className, ...rest }: IconButtonProps) {
  return (
    <Tip label={why ?? label} keys={why ? undefined : keys} side={side}>
      <button
        type="button"
        aria-label={label}
        className={cx(styles.icon, small && styles.small, className)}
        {...rest}
        {...withheld(why)}
      />
    </Tip>
  )
}

export interface MenuEntry {
  label: string
  icon?: ReactNode
  hint?: ReactNode
  keys?: string
  danger?: boolean
  disabled?: boolean
  /** Why it cannot be done now; it is then disabled and tells on hover. */
  why?: string | null
  run: () => void
}

interface MenuProps {
  trigger: ReactElement
  /** Groups are divided by a line. */
  groups: { label?: string; entries: MenuEntry[] }[]
  align?: 'start' | 'end'
}

export function Menu({ trigger, groups, align = 'start' }: MenuProps) {
  const shown = groups.filter((group) => group.entries.length > 0)
  return (
    <BaseMenu.Root modal={false}>
      <BaseMenu.Trigger render={trigger as ReactElement<Record<string, unknown>>} />
      <BaseMenu.Portal>
        <BaseMenu.Positioner align={align} sideOffset={4} collisionPadding={6} style={{ zIndex: 50 }}>
          <BaseMenu.Popup className={styles.menu}>
            {shown.map((group, i) => (
              <BaseMenu.Group key={group.label ?? group.entries[0]?.label}>
                {i > 0 && <BaseMenu.Separator className={styles.separator} />}
                {group.label && (
                  <BaseMenu.GroupLabel className={styles.groupLabel}>{group.label}</BaseMenu.GroupLabel>
                )}
                {group.entries.map((entry) => (
                  <BaseMenu.Item
                    key={entry.label}
                    className={cx(styles.item, entry.danger && styles.itemDanger)}
                    disabled={entry.disabled || Boolean(entry.why)}
                    title={entry.why ?? undefined}
                    onClick={entry.run}
                  >
                    {entry.icon}
                    <span className={styles.itemText}>{entry.label}</span>
                    {entry.hint && <span className={styles.itemHint}>{entry.hint}</span>}
                    {entry.keys && <Keys keys={entry.keys} />}
                  </BaseMenu.Item>
                ))}
              </BaseMenu.Group>
            ))}
          </BaseMenu.Popup>
        </BaseMenu.Positioner>
      </BaseMenu.Portal>
    </BaseMenu.Root>
  )
}

interface SelectProps<T extends string> {
  label: string
  value: T
  options: { value: T; label: string; hint?: string }[]
  onChange: (value: T) => void
  disabled?: boolean
  /** Without a frame, for dense rows. */
  bare?: boolean
  className?: string
}

export function Select<T extends string>(props: SelectProps<T>) {
  const { label, value, options, onChange, disabled, bare, className } = props
  return (
    <BaseSelect.Root
      items={options}
      value={value}
      onValueChange={(next) => next !== null && onChange(next as T)}
      disabled={disabled}
      modal={false}
    >
      <BaseSelect.Trigger
        aria-label={label}
        className={cx(styles.select, bare && styles.selectBare, className)}
      >
        <BaseSelect.Value className={styles.selectValue} />
        <ChevronDown size={14} aria-hidden="true" />
      </BaseSelect.Trigger>
      <BaseSelect.Portal>
        <BaseSelect.Positioner
          alignItemWithTrigger={false}
          sideOffset={4}
          collisionPadding={6}
          style={{ zIndex: 50 }}
        >
          <BaseSelect.Popup className={styles.menu}>
            {options.map((option) => (
              <BaseSelect.Item key={option.value} value={option.value} className={styles.item}>
                <BaseSelect.ItemText className={styles.itemText}>{option.label}</BaseSelect.ItemText>
                {option.hint && <span className={styles.itemHint}>{option.hint}</span>}
                <BaseSelect.ItemIndicator>
                  <Check size={14} aria-hidden="true" />
                </BaseSelect.ItemIndicator>
              </BaseSelect.Item>
            ))}
          </BaseSelect.Popup>
        </BaseSelect.Positioner>
      </BaseSelect.Portal>
    </BaseSelect.Root>
  )
}

interface CheckboxProps {
  label: string
  checked: boolean
  onChange: (checked: boolean) => void
  disabled?: boolean
}

export function Checkbox({ label, checked, onChange, disabled }: CheckboxProps) {
  return (
    <BaseCheckbox.Root
      aria-label={label}
      checked={checked}
      onCheckedChange={onChange}
      disabled={disabled}
      className={styles.check}
    >
      <BaseCheckbox.Indicator>
        <Check size={12} strokeWidth={3} aria-hidden="true" style={{ display: 'block' }} />
      </BaseCheckbox.Indicator>
    </BaseCheckbox.Root>
  )
}

interface SegmentsProps<T extends string> {
  label: string
  value: T
  options: { value: T; label: string; tip?: string }[]
  onChange: (value: T) => void
  disabled?: boolean
}

/** One of a few, all visible. */
export function Segments<T extends string>({ label, value, options, onChange, disabled }: SegmentsProps<T>) {
  return (
    <ToggleGroup
      aria-label={label}
      className={styles.segments}
      value={[value]}
      disabled={disabled}
      onValueChange={(next) => {
        const [chosen] = next
        if (chosen !== undefined) onChange(chosen as T)
      }}
    >
      {options.map((option) => {
        const toggle = (
          <Toggle key={option.value} value={option.value} className={styles.segment}>
            {option.label}
          </Toggle>
        )
        return option.tip ? (
          <Tip key={option.value} label={option.tip}>
            {toggle}
          </Tip>
        ) : (
          toggle
        )
      })}
    </ToggleGroup>
  )
}

export function TextField({ className, ...rest }: ComponentProps<'input'> & { 'aria-label': string }) {
  return (
    <input
      type="text"
      spellCheck={false}
      autoComplete="off"
      className={cx(styles.field, className)}
      {...rest}
    />
  )
}
