import { buildGrid, type Grid } from './grid.ts'

/** Builds the index of many points away from the window's thread. */
const scope = self as unknown as {
  onmessage: ((event: MessageEvent<{ ticket: number; xy: Float32Array }>) => void) | null
  postMessage: (message: { ticket: number; grid: Grid }, transfer: Transferable[]) => void
}

scope.onmessage = ({ data }) => {
  const grid = buildGrid(data.xy)
  scope.postMessage({ ticket: data.ticket, grid }, [grid.starts.buffer, grid.order.buffer])
}
