/** Load a bundle: manifest.json of schema 1 or 2, the two models and the substitutions, each compared with its hash. */
import { decoderParams, packagedDecoder, priorDecoder, type DecoderParams } from './decoder-params'
import type { DetectorSettings, Format, Manifest, ReaderSettings, RectifierSettings } from './types'

export interface Bundle {
  manifest: Manifest
  models: { cd: Uint8Array; cr: Uint8Array; corners?: Uint8Array }
}

export class BundleError extends Error {}

const DETECTOR: DetectorSettings = { size: 512, stride: 32, pad: 114, threshold: 0.25, iou: 0.45, agnostic: true, max_detections: 100 }
const CHARACTERS: DetectorSettings = { ...DETECTOR, size: 256, threshold: 0.2, max_detections: 40 }
const SETTINGS: ReaderSettings = {
  cd: DETECTOR, cr: CHARACTERS, calibration: [1, 0], margin: [0.04, 0.08], margin_max_aspect: 4, retry_below: 0.8,
  retry_margin: [0.1, 0.2], unclear_confidence: 0.8, retry_crop_size: null, retry_scene_size: null, min_confidence: 0.05,
  max_missing: 2, max_surplus: 3,
  rectify_crops: true,
}
const RECTIFIER: RectifierSettings = { width: 128, height: 96, context: 0.25, aspects: [] }
// what the section `decoder` must have, and what each of its formats must have
const DECODER_KEYS = ['formats', 'insertion', 'beside', 'other', 'other_right']
const FORMAT_KEYS = ['prior', 'confusion', 'deletion', 'cut']

type Json = Record<string, any>

/** Settings of a manifest of schema 1 under their present names; see `from_schema_1` in alpr_nb/inference/bundle.py. */
function fromSchema1(m: Json): Json {
  const detector = ({ limit, ...rest }: Json) => ({ ...rest, max_detections: limit ?? DETECTOR.max_detections })
  return {
    cd: detector(m.cd ?? {}), cr: detector({ size: 256, threshold: 0.2, limit: 40, ...m.cr }), margin: m.margin ?? [0.06, 0.12],
    retry_margin: m.again ?? null, retry_crop_size: m.closer ?? null, retry_scene_size: m.larger ?? null,
    min_confidence: m.confidence ?? 0.05, calibration: m.calibration ?? [1, 0],
  }
}

/** Fitted parameters of decoding: of the manifest, or of the package for this model; null: there are none. */
function decoderOf(m: Json, formats: Record<string, Format>): DecoderParams | null {
  if (!m.decoder) return packagedDecoder(m.files?.['cr.onnx'])
  const { formats: known = {} } = m.decoder
  const missing = DECODER_KEYS.find(key => m.decoder[key] === undefined)
    ?? Object.keys(formats).find(name => FORMAT_KEYS.some(key => known[name]?.[key] === undefined))
  if (missing) {
    throw new BundleError(`manifest.json: section decoder lacks parameters of ${missing}; \`alpr-nb fit-decoder\` writes them.`)
  }
  return decoderParams(m.decoder)
}

export function parseManifest(m: Json, substitutions: Record<string, string>): Manifest {
  if (m.schema_version !== 1 && m.schema_version !== 2) {
    throw new BundleError(`manifest.json: schema version ${m.schema_version}, this reader knows 1 and 2; update the reader.`)
  }
  const reader = m.schema_version === 1 ? fromSchema1(m) : (m.reader ?? {})
  const formats = Object.fromEntries(Object.entries(m.formats as Record<string, Partial<Format>>).map(([name, f]) =>
    [name, { pattern: '', check: null, derive: false, same: [], gaps: null, prefixes: [], ...f }]))
  const decoder = decoderOf(m, formats) ?? priorDecoder(formats, m.alphabet, substitutions)
  return {
    scope: m.scope, label: m.label, alphabet: m.alphabet, formats, substitutions, decoder, files: m.files,
    rectifier: m.rectifier ? { ...RECTIFIER, ...m.rectifier } : null,
    reader: { ...SETTINGS, ...reader, cd: { ...DETECTOR, ...reader.cd }, cr: { ...CHARACTERS, ...reader.cr } },
  }
}

async function checkHash(name: string, content: Uint8Array, expected: string): Promise<void> {
  if (!globalThis.crypto?.subtle) return // browsers have it in secure contexts only: https and localhost
  const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', content as BufferSource))
  const found = Array.from(digest, b => b.toString(16).padStart(2, '0')).join('')
  if (found !== expected) throw new BundleError(`${name}: the file was changed; its sha256 is not that in the manifest.`)
}

/** Text files are hashed with Unix line ends, because git may have changed them. */
function unixLines(name: string, content: Uint8Array): Uint8Array {
  if (!name.endsWith('.json')) return content
  return new TextEncoder().encode(new TextDecoder().decode(content).replaceAll('\r\n', '\n'))
}

/** Load a bundle. `get` returns the content of one of its files. */
export async function loadBundle(get: (name: string) => Promise<Uint8Array>): Promise<Bundle> {
  const json = (content: Uint8Array) => JSON.parse(new TextDecoder().decode(content))
  const known = json(await get('manifest.json'))
  const names = Object.keys(known.files)
  const contents: Record<string, Uint8Array> = {}
  await Promise.all(names.map(async name => {
    contents[name] = await get(name)
    await checkHash(name, unixLines(name, contents[name]), known.files[name])
  }))
  const manifest = parseManifest(known, json(contents['substitutions.json']))
  return { manifest, models: { cd: contents['cd.onnx'], cr: contents['cr.onnx'], corners: contents['corners.onnx'] } }
}
