import type { Id, RepairReport, VerifyReport } from '../contract/index.ts'

/** What the addon found in a store, as the contract has it. */

interface NativeVerify {
  files: number
  bytes: number
  problems: { file: string; reason: string; derived: boolean; harmless: boolean }[]
  notes: string[]
}

interface NativeRepair {
  generation: number | null
  collections: {
    name: string
    rowsKept: number
    rowsLost: number
    /** `rows`: the first and the last of a run. */
    lost: { segment: string; rows: [number, number]; ids: Id[]; reason: string }[]
  }[]
  notes: string[]
}

/** What a crash leaves is no problem: it is noted. */
export function verifyReport(text: string): VerifyReport {
  const { files, bytes, problems, notes } = JSON.parse(text) as NativeVerify
  return {
    files,
    bytes,
    problems: problems
      .filter(({ harmless }) => !harmless)
      .map(({ file, reason, derived }) => ({
        file,
        what: derived ? `${reason} (an index: it can be built again, no row is lost)` : reason,
        derived,
      })),
    notes: [
      ...problems.filter(({ harmless }) => harmless).map(({ file, reason }) => `${file}: ${reason}`),
      ...notes,
    ],
  }
}

export function repairReport(text: string): RepairReport {
  const { generation, collections, notes } = JSON.parse(text) as NativeRepair
  return {
    generation,
    notes,
    collections: collections.map(({ lost, ...collection }) => ({
      ...collection,
      lost: lost.map(({ segment, rows: [first, last], ids, reason }) => ({
        segment,
        first,
        rows: last - first + 1,
        ids,
        reason,
      })),
    })),
  }
}
