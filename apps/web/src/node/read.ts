/** `node dist-node/read.js [--bundle DIR] [--crop] IMAGE|FOLDER...`: print one JSON object a line, as `alpr-nb read --json`. */
import { readdirSync, readFileSync, statSync } from 'node:fs'
import { extname, join } from 'node:path'
import { parseArgs } from 'node:util'
import * as ort from 'onnxruntime-web/wasm'
import sharp from 'sharp'
import { asJson } from '../core/json'
import { loadBundle } from '../core/manifest'
import { Reader } from '../core/reader'
import type { Pixels } from '../core/types'

const SUFFIXES = new Set(['.jpg', '.jpeg', '.png', '.webp', '.tif', '.tiff', '.avif'])

/** Upright RGB pixels of an image file. */
async function loadImage(path: string): Promise<Pixels> {
  const image = sharp(readFileSync(path)).rotate().removeAlpha().toColourspace('srgb')
  const { data, info } = await image.raw().toBuffer({ resolveWithObject: true })
  return { data, width: info.width, height: info.height }
}

function listImages(path: string): string[] {
  if (!statSync(path, { throwIfNoEntry: false })?.isDirectory()) return [path]
  const names = readdirSync(path, { recursive: true }) as string[]
  return names.map(name => join(path, name)).filter(file => SUFFIXES.has(extname(file).toLowerCase())).sort()
}

async function main(): Promise<number> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { bundle: { type: 'string', default: '../../alpr_nb/bundles/truck' }, crop: { type: 'boolean', default: false } },
  })
  ort.env.wasm.numThreads = 1
  const reader = await Reader.create(ort, await loadBundle(async name => readFileSync(join(values.bundle, name))))
  let status = 0
  for (const path of positionals.flatMap(listImages)) {
    try {
      const start = performance.now()
      const image = await loadImage(path)
      const decodeMs = performance.now() - start
      console.log(JSON.stringify(asJson(path, await reader.read(image, values.crop), decodeMs)))
    } catch (error) {
      console.log(JSON.stringify({ image: path, error: `${path}: ${(error as Error).message}` }))
      status = 1
    }
  }
  return status
}

main().then(status => process.exit(status), (error: Error) => {
  console.error(`read: ${error.message}`)
  process.exit(1)
})
