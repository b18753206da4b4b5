import { contextBridge, ipcRenderer, webUtils } from 'electron'
import { ENGINE_PORT, SHELL_CHANNEL, shellCalls } from '../contract/shell.ts'

/**
 * What the page sees of Electron: functions with the contract's names. No channel name and no path is ever the
 * page's to choose; a dropped file's path goes from Electron to the main process without passing through it.
 */

type Answer = { ok: true; value: unknown } | { ok: false; error: unknown }

async function ask(call: string, ...args: unknown[]): Promise<unknown> {
  const answer = (await ipcRenderer.invoke(SHELL_CHANNEL, call, args)) as Answer
  if (answer.ok) return answer.value
  // Errors cross the bridge as data: it would strip a class to its message.
  return Promise.reject(answer.error)
}

function subscribe(channel: string) {
  return (listener: (value: unknown) => void) => {
    const heard = (_event: unknown, value: unknown) => listener(value)
    ipcRenderer.on(channel, heard)
    return () => void ipcRenderer.off(channel, heard)
  }
}

const api: Record<string, unknown> = {}
for (const call of Object.keys(shellCalls)) api[call] = (...args: unknown[]) => ask(call, ...args)

api.dropped = (file: File) => {
  const path = webUtils.getPathForFile(file)
  if (path === '') {
    return Promise.reject({
      code: 'NOT_GRANTED',
      message: 'This is not a file from your disk.',
      remedy: 'Save it to disk first, then drop it here.',
      detail: {},
      retry: false,
    })
  }
  return ask('dropped', path)
}

const onStatus = subscribe('omendb:engine-status')
api.onEngineStatus = (listener: (value: unknown) => void) => {
  void ask('engineStatus').then(listener, () => undefined)
  return onStatus(listener)
}
api.onOpen = subscribe('omendb:open')
api.onMenu = subscribe('omendb:menu')

contextBridge.exposeInMainWorld('omendb', api)

// The port to the engine is handed to the page itself: the bridge cannot carry one.
ipcRenderer.on(ENGINE_PORT, (event) => {
  window.postMessage({ type: ENGINE_PORT }, window.location.origin, event.ports as MessagePort[])
})
window.addEventListener('DOMContentLoaded', () => ipcRenderer.send(SHELL_CHANNEL, 'connect'))
