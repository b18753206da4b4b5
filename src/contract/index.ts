/** The one typed contract that every door speaks. Imports nothing of ours. */
export * from './errors.ts'
export * from './limits.ts'
export * from './operations.ts'
export * from './shell.ts'
export * from './values.ts'
export * from './wire.ts'
