/** Decode detected characters into a code; as `decode` in alpr_nb/codes/decoding.py. */
import { argmax } from './boxes'
import { align, bestValidCode, completeCode, highest, MIN_SCORE, otherTextScore } from './code-search'
import { allowedMask, characterConfidences, emission, existencePosterior, existencePrior, gapLogLikelihood } from './emissions'
import { lookAlikes, parsePattern } from './formats'
import type { Box, Format } from './types'

export interface Decoded {
  code: string
  format: string | null
  confidence: number
  raw: string
  confidences: number[]
  kept: (number | null)[]
}

export interface CodeSpec {
  alphabet: string
  formats: Record<string, Format>
  substitutions: Record<string, string>
}

const COMPLETED = 0.5, NO_FORMAT = 0.5, NO_VALID_CODE = 0.25 // factors of the confidence, see alpr_nb/codes/decoding.py
const DISCOUNT = 0.5 // weight of a look-alike when formats are compared
const EXTRA = 3 // most detections that may be left out
const FLOOR = 0.05 // a format does not fit if its weakest character has a lower confidence

interface Fit {
  score: number
  name: string
  code: string
  kept: number[]
  scores: number[][]
  shares: number[] | null
  rank: number
}

/** Decodes the characters of one code. `boxes`: of characters in one row; null: the gaps are not used. */
export function decode(probs: Float32Array[], spec: CodeSpec, boxes: Box[] | null): Decoded {
  const { alphabet, formats } = spec, swap = lookAlikes(spec.substitutions)
  const top = probs.map(highest), raw = probs.map(p => alphabet[argmax(p)]).join('')
  const whole = { raw, kept: probs.map((_, i) => i) }

  function gapCandidates(length: number): number[] {
    const same = Object.values(formats).filter(f => parsePattern(f.pattern).length === length)
    return [...new Set(same.flatMap(f => f.gaps ?? []))].sort((a, b) => a - b)
  }

  function fit(name: string): Fit | null {
    const fmt = formats[name], mask = allowedMask(fmt.pattern, alphabet), m = mask.length
    if (probs.length < m || probs.length > m + EXTRA) return null
    const every = probs.map(p => mask.map(row => emission(p, alphabet, row, swap, DISCOUNT, fmt.same)))
    let [score, kept] = align(every.map(positions => positions.map(highest)), top)
    const scores = kept.map((i, j) => every[i][j])
    if (!scores.every(row => highest(row) > 0)) return null

    let code = scores.map(row => alphabet[argmax(row)]).join(''), shares: number[] | null = null, rank = 0
    if (fmt.check || fmt.prefixes.length) {
      const other = otherTextScore(kept.map(i => probs[i]), mask)
      const checked = bestValidCode(scores, alphabet, fmt, other)
      if (!checked || checked.value < other) return null
      ;({ code, shares, rank } = checked)
      score += Math.log(checked.value) - scores.reduce((sum, row) => sum + Math.log(Math.max(highest(row), MIN_SCORE)), 0)
    }
    if (boxes) score += gapLogLikelihood(kept.map(i => boxes[i]), fmt.gaps, gapCandidates(m))
    return { score, name, code, kept, scores, shares, rank }
  }

  function withConfidence(best: Fit): Decoded | null {
    const own = best.kept.map(i => probs[i])
    let confidences: number[]
    if (best.shares) {
      const prior = own.map(existencePrior)
      const exists = formats[best.name].check ? existencePosterior(prior, best.rank) : prior
      confidences = best.shares.map((share, i) => share * exists[i])
    } else confidences = characterConfidences(own, best.scores, best.code, Object.values(formats), alphabet, swap)
    if (!(Math.min(...confidences) >= FLOOR)) return null
    const leftOut = top.filter((_, i) => !best.kept.includes(i)).map(p => 1 - p)
    return { code: best.code, format: best.name, confidence: Math.min(...confidences, ...leftOut), raw, confidences, kept: best.kept }
  }

  function completed(): Decoded | null {
    for (const [name, fmt] of Object.entries(formats)) {
      if (!(fmt.derive && fmt.check) || probs.length !== parsePattern(fmt.pattern).length - 1) continue
      const found = completeCode(probs, fmt, alphabet, swap, DISCOUNT)
      if (!found) continue
      const exists = probs.map(existencePrior).toSpliced(found.missing, 0, 1)
      const confidences = found.shares.map((share, i) => COMPLETED * share * exists[i])
      if (Math.min(...confidences) < COMPLETED * FLOOR) continue
      const kept: (number | null)[] = [...whole.kept].toSpliced(found.missing, 0, -1).map(i => (i < 0 ? null : i))
      return { code: found.code, format: name, confidence: Math.min(...confidences), raw, confidences, kept }
    }
    return null
  }

  function unformatted(): Decoded {
    const all = Object.values(formats)
    const factor = !all.length ? 1 : all.every(f => f.check) ? NO_VALID_CODE : NO_FORMAT
    const confidence = probs.length ? factor * Math.min(...top) : 0
    return { code: raw, format: null, confidence, raw, confidences: top.map(p => factor * p), kept: whole.kept }
  }

  let best: Fit | null = null
  for (const name of Object.keys(formats)) {
    const found = fit(name)
    if (found && (!best || found.score > best.score + 1e-9)) best = found
  }
  return (best && withConfidence(best)) ?? completed() ?? unformatted()
}
