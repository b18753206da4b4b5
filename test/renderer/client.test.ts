import { beforeEach, describe, expect, it } from 'vitest'
import { AppError, type Request } from '../../src/contract/index.ts'
import { EngineClient } from '../../src/renderer/client/engine.ts'

/** An engine on the other end of a real port, as far as the client can tell. */
class FakeEngine {
  asked: Request[] = []
  #port: MessagePort
  page: MessagePort
  constructor(private answer: (request: Request) => unknown) {
    const { port1, port2 } = new MessageChannel()
    this.#port = port1
    this.page = port2
    port1.onmessage = ({ data }: MessageEvent<Request>) => {
      this.asked.push(data)
      const value = this.answer(data)
      if (value instanceof AppError) port1.postMessage({ id: data.id, ok: false, error: value.toData() })
      else if (value !== SILENT) port1.postMessage({ id: data.id, ok: true, value })
    }
  }
  send(event: string, data: unknown) {
    this.#port.postMessage({ event, data })
  }
  die() {
    this.#port.close()
  }
}

const SILENT = Symbol('no answer')
const rested = () => new Promise((resolve) => setTimeout(resolve, 20))
const info = (store: string) => ({ store, name: store, collections: [] })

let client: EngineClient
beforeEach(() => {
  client = new EngineClient()
  client.setStatus({ state: 'running', deaths: 0, reason: '' })
})

describe('the client of the engine', () => {
  it('keeps what is asked before there is an engine, and gives each answer to its question', async () => {
    const both = Promise.all([client.call('job.list', {}), client.call('engine.hello', {})])
    const engine = new FakeEngine(({ op }) =>
      op === 'job.list' ? [] : { version: '1', isa: 'scalar', pid: 1 },
    )
    client.connect(engine.page)
    expect(await both).toEqual([[], { version: '1', isa: 'scalar', pid: 1 }])
    engine.die()
  })

  it('throws the error of the engine, whole', async () => {
    const error = new AppError({ code: 'INVALID_FILTER', message: 'No.', remedy: 'Yes.', detail: { at: 3 } })
    const engine = new FakeEngine(() => error)
    client.connect(engine.page)
    await expect(
      client.call('filter.check', { store: 's', collection: 'c', filter: 'x' }),
    ).rejects.toMatchObject({
      code: 'INVALID_FILTER',
      remedy: 'Yes.',
      detail: { at: 3 },
    })
    engine.die()
  })

  it('repeats a read on the next engine, once, and fails a write that was under way', async () => {
    const first = new FakeEngine(() => SILENT)
    client.connect(first.page)
    const read = client.call('job.list', {})
    const write = client.call('row.delete', { store: 's', collection: 'c', rows: [1] })
    const failed = expect(write).rejects.toMatchObject({ code: 'ENGINE_RESTARTED', retry: false })
    await rested()
    first.die()
    await failed
    const second = new FakeEngine(() => [])
    client.connect(second.page)
    expect(await read).toEqual([])
    expect(second.asked.map((request) => request.op)).toEqual(['job.list'])

    const third = new FakeEngine(() => SILENT)
    client.connect(third.page)
    const unlucky = client.call('job.list', {})
    const lost = expect(unlucky).rejects.toMatchObject({ code: 'ENGINE_RESTARTED', retry: true })
    await rested()
    third.die()
    await rested()
    const fourth = new FakeEngine(() => SILENT)
    client.connect(fourth.page)
    await rested()
    fourth.die()
    await lost
    second.die()
  })

  it('opens the stores again before anything is asked of them, under the handles that the page knows', async () => {
    const first = new FakeEngine(({ op }) => (op === 'store.open' ? info('a') : SILENT))
    client.connect(first.page)
    await client.call('store.open', { grant: 'grant-a', create: true })
    const read = client.call('filter.rows', { store: 'a', collection: 'c', filter: 'x' })
    await rested()
    first.die()
    await rested()
    const changes: string[] = []
    client.on('store.changed', ({ store }) => changes.push(store))
    // The new engine counts its handles anew.
    const second = new FakeEngine(({ op }) => (op === 'store.open' ? info('z') : Uint32Array.of(7)))
    client.connect(second.page)
    expect(await read).toEqual(Uint32Array.of(7))
    expect(second.asked.map(({ op, params }) => [op, (params as { store?: string }).store])).toEqual([
      ['store.open', undefined],
      ['filter.rows', 'z'],
    ])
    second.send('store.changed', info('z'))
    await rested()
    expect(changes).toEqual(['a', 'a'])
    second.die()
  })

  it('says why when a store cannot be opened again', async () => {
    const first = new FakeEngine(({ op }) => (op === 'store.open' ? info('a') : SILENT))
    client.connect(first.page)
    await client.call('store.open', { grant: 'grant-a' })
    const read = client.call('store.info', { store: 'a' })
    const failed = expect(read).rejects.toMatchObject({ code: 'FILE_NOT_FOUND' })
    await rested()
    first.die()
    await rested()
    const second = new FakeEngine(() => new AppError({ code: 'FILE_NOT_FOUND', message: 'Gone.' }))
    client.connect(second.page)
    await failed
    second.die()
  })

  it('opens a store that was only read so again', async () => {
    const reader = (store: string) => ({ ...info(store), readOnly: true })
    const first = new FakeEngine(({ op }) => (op === 'store.open' ? reader('a') : SILENT))
    client.connect(first.page)
    await client.call('store.open', { grant: 'grant-a', readOnly: true })
    first.die()
    await rested()
    const second = new FakeEngine(() => reader('b'))
    client.connect(second.page)
    await rested()
    expect(second.asked.map(({ params }) => params)).toEqual([{ grant: 'grant-a', readOnly: true }])
    second.die()
  })

  it('tells whoever asked of each error, under the handle that the page knows', async () => {
    const full = new AppError({ code: 'DISK_FULL', message: 'Full.', detail: { needed: 9, free: 3 } })
    const engine = new FakeEngine(({ op }) => (op === 'store.open' ? info('a') : full))
    client.connect(engine.page)
    await client.call('store.open', { grant: 'grant-a' })
    const heard: [string, string][] = []
    const stop = client.onFailure((error, store) => heard.push([error.code, store]))
    await expect(client.call('collection.drop', { store: 'a', collection: 'c' })).rejects.toThrow('Full.')
    stop()
    await expect(client.call('job.list', {})).rejects.toThrow('Full.')
    expect(heard).toEqual([['DISK_FULL', 'a']])
    engine.die()
  })

  it('fails everything at once when the engine is given up', async () => {
    const waiting = client.call('job.list', {})
    const failed = expect(waiting).rejects.toMatchObject({ code: 'ENGINE_STOPPED' })
    client.setStatus({ state: 'stopped', deaths: 5, reason: 'It ended with code 139.' })
    await failed
    await expect(client.call('job.list', {})).rejects.toMatchObject({ code: 'ENGINE_STOPPED' })
  })

  it('survives a message that lost its content', async () => {
    const engine = new FakeEngine(() => [])
    client.connect(engine.page)
    engine.page.dispatchEvent(new MessageEvent('message', { data: null }))
    expect(await client.call('job.list', {})).toEqual([])
    engine.die()
  })
})
