/** From characters in lines to a reading; as alpr_nb/inference/reader.py, `decode_chars` and `read_chars`. */
import { decode, type Decoded } from './decode'
import { parsePattern } from './formats'
import { boxQuad } from './rectify'
import type { Box, Detection, Manifest, Reading } from './types'

export function roundBox(box: Box): Box { return box.map(v => Math.round(v * 10) / 10) as Box }

/** Number of characters of each format; empty if the scope has no format. */
export function formatLengths(manifest: Manifest): number[] {
  return Object.values(manifest.formats).map(f => parsePattern(f.pattern).length)
}

/** Decode characters in reading order; `lines` has the number of characters in each line. */
export function decodeChars(chars: Detection[], lines: number[], manifest: Manifest): Decoded {
  const ends = lines.reduce((all, n) => [...all, all[all.length - 1] + n], [0])
  const { unclear_confidence: unclear } = manifest.reader

  function part(i: number, j: number): Decoded {
    const own = chars.slice(ends[i], ends[j])
    const found = decode(own.map(c => c.probs), manifest, j === i + 1 ? own.map(c => c.box) : null)
    return { ...found, kept: found.kept.map(k => (k === null ? null : ends[i] + k)) }
  }

  const whole = part(0, lines.length)
  const longest = Math.max(0, ...formatLengths(manifest)) || chars.length
  if (chars.length <= longest || (whole.format && whole.confidence > unclear)) return whole

  let best: Decoded | null = null
  for (let i = 0; i < lines.length; i++) {
    for (let j = i + 1; j <= lines.length; j++) {
      if (j - i === lines.length) continue
      const found = part(i, j)
      if (!found.format || found.kept.includes(null) || found.confidence <= unclear) continue
      const longer = best && (found.code.length - best.code.length || found.confidence - best.confidence)
      if (longer === null || longer > 0) best = found
    }
  }
  return best ? { ...best, raw: whole.raw } : whole
}

/** The reading of characters in reading order, null if there is no code or its confidence is too low. */
export function readChars(chars: Detection[], lines: number[], box: Box, manifest: Manifest): Reading | null {
  const found = decodeChars(chars, lines, manifest)
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
