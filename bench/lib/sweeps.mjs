/** The settings at which an engine's recall and speed are measured. */

export const EFS = [
  10, 13, 16, 20, 24, 30, 36, 45, 54, 67, 80, 100, 120, 150, 180, 220, 270, 330, 400, 500, 640, 800, 1000,
]
/** Ours counts partitions, not candidates. */
const PARTITIONS = [
  2, 3, 4, 5, 6, 8, 10, 13, 16, 20, 25, 32, 40, 50, 64, 80, 100, 128, 160, 200, 256, 320, 400, 512, 640, 800,
  1024,
]
/** A filter may need many more candidates than ten neighbours do. */
export const FILTER_EFS = [10, 15, 22, 33, 50, 75, 110, 160, 240, 360, 540, 800, 1200, 2000, 4000]
/** ScaNN has two knobs, in one number as its adapter takes them: leaves * 1000 + reordered rows. */
const SCANN = [
  5_030, 8_040, 12_050, 18_060, 27_080, 40_100, 60_130, 90_170, 130_220, 200_300, 300_400, 450_600,
]
/** So has LanceDB's IVF_RQ: partitions * 1000 + how many times ten rows are compared exactly. */
const PROBES = [
  1_005, 2_007, 3_010, 5_014, 8_020, 12_028, 18_040, 27_056, 40_080, 60_110, 90_150, 140_220, 250_400,
]
/** These compare with every row: there is nothing to set. */
const EXACT = ['faiss-flat', 'sqlite-vec']

export function settings(name, efs = EFS) {
  if (name.startsWith('scann')) return SCANN
  if (name === 'lancedb-rq') return PROBES
  if (name.startsWith('omendb')) return PARTITIONS
  return EXACT.includes(name) ? [0] : efs
}

/** One query a call, at one setting after another until the recall is `enough` or a query takes longer than `slow` us. */
export async function sweep(peer, { efs, queries, enough, slow = Number.POSITIVE_INFINITY }) {
  const rows = []
  for (const ef of efs) {
    const found = await peer.ask({ op: 'sweep', efs: [ef], queries })
    rows.push(...found.rows)
    if (found.rows[0].recall >= enough || found.rows[0].p50 > slow) break
  }
  return rows
}

/** Queries in a batch, and how long, in us, one thread may take for it. */
const [BATCH, BATCH_US] = [2000, 2e6]

/** Batches on all cores at settings that a sweep, which gave `rows`, has measured. */
export async function batches(peer, { rows, queries, threads }) {
  const efs = rows.map(({ ef }) => ef)
  const slowest = Math.max(...rows.map(({ p50 }) => p50))
  const count = Math.max(queries, Math.min(BATCH, Math.round(BATCH_US / slowest)))
  return (await peer.ask({ op: 'batch', efs, queries, threads, count })).rows
}

/** What was measured at the settings just below and just above a recall; none where it is not reached. */
export function around(rows, recall) {
  const above = rows.findIndex((row) => row.recall >= recall)
  return above < 0 ? [] : rows.slice(Math.max(0, above - 1), above + 1)
}

/** In this order the engines take their turns: forwards and backwards, so that none always comes first. */
export const turns = (entries, round) => (round % 2 === 0 ? entries : [...entries].reverse())
