import { NAME_BORDER } from '../contract/index.ts'

/** The collection as the native side is asked for it: by its name, or by its name and the entry before which it is meant. */
export function nativeName({ collection, before }: { collection: string; before?: number }): string {
  return before === undefined ? collection : `${collection}${NAME_BORDER}${before}`
}
