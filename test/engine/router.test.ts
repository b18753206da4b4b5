import { describe, expect, test } from 'vitest'
import { LIMITS, type Reply } from '../../src/contract/index.ts'
import { createEngine } from '../../src/engine/index.ts'

/** Sends one message through a connection and returns every reply. */
async function ask(message: unknown): Promise<Reply[]> {
  const replies: Reply[] = []
  await createEngine({ grants: new Map() }).router.connect((reply) => replies.push(reply))(message)
  return replies
}

async function codeOf(message: unknown): Promise<string> {
  const replies = await ask(message)
  expect(replies).toHaveLength(1)
  const reply = replies[0]
  if (!reply || reply.ok) throw new Error('an error was expected')
  expect(reply.error.message.length).toBeLessThan(2_000)
  expect(reply.error).toEqual(JSON.parse(JSON.stringify(reply.error)))
  return reply.error.code
}

const open = (params: unknown) => ({ id: 1, op: 'store.open', params })

describe('the router', () => {
  test.each([
    ['null', null],
    ['undefined', undefined],
    ['a number', 7],
    ['a text', 'store.open'],
    ['an array', [1, 'store.open', {}]],
    ['an empty object', {}],
    ['no parameters', { id: 1, op: 'store.open' }],
    ['a negative number', { id: -1, op: 'job.list', params: {} }],
    ['a fraction for a number', { id: 1.5, op: 'job.list', params: {} }],
    ['a number past the safe range', { id: 2 ** 60, op: 'job.list', params: {} }],
    ['an operation that is no text', { id: 1, op: {}, params: {} }],
    ['an operation that is a name of Object.prototype', { id: 1, op: 'constructor', params: {} }],
    ['__proto__ as the operation', { id: 1, op: '__proto__', params: {} }],
    ['an unknown operation', { id: 1, op: 'store.erase', params: {} }],
    ['an endless operation', { id: 1, op: 'x'.repeat(10_000_000), params: {} }],
    ['parameters that are no object', open('grant')],
    ['a grant of the wrong type', open({ grant: { toString: () => 'x' } })],
    ['an endless grant', open({ grant: 'g'.repeat(65) })],
    ['a grant only on the prototype', open(Object.create({ grant: 7 }))],
    [
      'a k of 0',
      {
        id: 1,
        op: 'search.run',
        params: { store: 's', collection: 'c', query: { by: 'row', row: 0 }, k: 0 },
      },
    ],
    ['a row that is NaN', { id: 1, op: 'row.get', params: { store: 's', collection: 'c', row: Number.NaN } }],
    ['a row past 32 bits', { id: 1, op: 'row.get', params: { store: 's', collection: 'c', row: 2 ** 32 } }],
    ['an empty collection name', { id: 1, op: 'collection.drop', params: { store: 's', collection: '' } }],
  ])('answers %s with INVALID_REQUEST, once', async (_, message) => {
    expect(await codeOf(message)).toBe('INVALID_REQUEST')
  })

  test('[E1] leaves Object.prototype alone', async () => {
    const params = JSON.parse(
      '{"__proto__": {"polluted": true}, "grant": "g", "constructor": {"prototype": {"polluted": 1}}}',
    )
    expect(await codeOf(open(params))).toBe('NOT_GRANTED')
    expect(({} as { polluted?: unknown }).polluted).toBeUndefined()
  })

  test('answers with the number of the request, and with 0 where there is none', async () => {
    expect((await ask({ id: 77, op: 'nope', params: {} }))[0]?.id).toBe(77)
    expect((await ask({ op: 'nope' }))[0]?.id).toBe(0)
    expect((await ask(null))[0]?.id).toBe(0)
  })

  test('refuses requests that are too large before it looks at them closely', async () => {
    const filter = 'x'.repeat(LIMITS.requestCharsMax + 1)
    expect(await codeOf({ id: 1, op: 'filter.rows', params: { store: 's', collection: 'c', filter } })).toBe(
      'LIMIT_EXCEEDED',
    )
    let nested: unknown = 1
    for (let depth = 0; depth < 100_000; depth++) nested = [nested]
    expect(await codeOf(open(nested))).toBe('LIMIT_EXCEEDED')
    const wide = Array.from({ length: 9 }, () => 'x'.repeat(1_000_000))
    expect(await codeOf(open({ grant: 'g', wide }))).toBe('LIMIT_EXCEEDED')
    const round: Record<string, unknown> = {}
    round.round = round
    expect(await codeOf(open(round))).toBe('LIMIT_EXCEEDED')
  })

  test('survives getters that throw', async () => {
    const params = {
      get grant() {
        throw new Error('surprise')
      },
    }
    expect(await codeOf(open(params))).toBe('INTERNAL')
  })

  test('[E2] opens nothing that was not granted, and nothing as what it is not', async () => {
    expect(await codeOf(open({ grant: '/etc/passwd' }))).toBe('NOT_GRANTED')
    const { call } = createEngine({
      grants: new Map([['f', { path: '/etc/passwd', kind: 'file' as const }]]),
    })
    await expect(call('store.open', { grant: 'f' })).rejects.toMatchObject({ code: 'NOT_GRANTED' })
    await expect(call('store.info', { store: 'no such' })).rejects.toMatchObject({ code: 'UNKNOWN_STORE' })
    await expect(call('job.cancel', { job: 'no such' })).rejects.toMatchObject({ code: 'UNKNOWN_JOB' })
  })

  test('limits the requests of one connection that are in flight', async () => {
    const replies: Reply[] = []
    const receive = createEngine({ grants: new Map() }).router.connect((reply) => replies.push(reply))
    const count = LIMITS.inFlightMax + 10
    await Promise.all(
      Array.from({ length: count }, (_, i) => receive({ id: i + 1, op: 'job.list', params: {} })),
    )
    expect(replies).toHaveLength(count)
    const refused = replies.filter((reply) => !reply.ok)
    expect(refused).toHaveLength(10)
    for (const reply of refused)
      if (!reply.ok) expect(reply.error).toMatchObject({ code: 'LIMIT_EXCEEDED', retry: true })
    await receive({ id: 1, op: 'job.list', params: {} })
    expect(replies.at(-1)).toEqual({ id: 1, ok: true, value: [] })
  })

  test('does not mind a connection that is gone', async () => {
    const receive = createEngine({ grants: new Map() }).router.connect(() => {
      throw new Error('port is closed')
    })
    await expect(receive({ id: 1, op: 'job.list', params: {} })).resolves.toBeUndefined()
  })
})
