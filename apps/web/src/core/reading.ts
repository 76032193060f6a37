/** From decoded characters to a reading; as `reading_of` in alpr_nb/inference/reader.py. */
import type { Decoded } from './decode'
import { parsePattern } from './formats'
import { boxQuad } from './rectify'
import type { Box, Detection, Manifest, Reading } from './types'

export function roundBox(box: Box): Box { return box.map(v => Math.round(v * 10) / 10) as Box }

/** Number of characters of each format; empty if the scope has no format. */
export function formatLengths(manifest: Manifest): number[] {
  return Object.values(manifest.formats).map(f => parsePattern(f.pattern).length)
}

/** The reading of decoded characters; null if there is no code, or its confidence is too low. */
export function readingOf(found: Decoded, chars: Detection[], box: Box, manifest: Manifest): Reading | null {
  const { min_confidence, max_missing, max_surplus } = manifest.reader
  const known = formatLengths(manifest), lengths = known.length ? known : [found.code.length]
  const fits = found.code.length >= Math.min(...lengths) - max_missing && found.code.length <= Math.max(...lengths) + max_surplus
  if (!found.code || found.confidence < min_confidence || !fits) return null
  const seen = [...found.code].flatMap((char, i) => {
    const k = found.kept[i]
    return k === null ? [] : [{ char, confidence: found.confidences[i], box: roundBox(chars[k].box) }]
  })
  return { code: found.code, confidence: found.confidence, raw: found.raw, format: found.format, box, quad: boxQuad(box), chars: seen }
}
