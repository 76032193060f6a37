/** Scores of detected characters at the positions of a format; as alpr_nb/codes/emissions.py. */
import { parsePattern } from './formats'
import { median } from './reading-order'
import type { Box, Format } from './types'

const GAP_RATIO = 1.13, GAP_RATIO_WIDTH = 0.03 // ratio of a wide gap to the other distances; see alpr_nb/codes/emissions.py
const CHECK_BY_CHANCE = 0.1 // probability that the check digit of a wrong code is right: one of ten digits

export type Mask = boolean[][]

/** The classes that a pattern allows at each position. */
export function allowedMask(pattern: string, alphabet: string): Mask {
  return parsePattern(pattern).map(allowed => [...alphabet].map(c => allowed.includes(c)))
}

const clip = (v: number) => Math.min(Math.max(v, 0), 1)

/** Score of each class for one detection at one position; 0 where the position does not allow the class. */
export function emission(
  probs: Float32Array, alphabet: string, allowed: boolean[], swap: Map<string, string>, discount: number, same: string[],
): number[] {
  const weight = (seen: number, meant: number) => (swap.get(alphabet[seen]) === alphabet[meant] ? discount : 0)
  const out = Array.from(probs)
  for (const [seen, meant] of swap) {
    const [i, j] = [alphabet.indexOf(seen), alphabet.indexOf(meant)]
    if (i >= 0 && j >= 0 && !allowed[i]) out[j] += probs[i] * discount
  }
  for (const [a, b] of same.map(pair => [alphabet.indexOf(pair[0]), alphabet.indexOf(pair[1])])) {
    if (a < 0 || b < 0) continue
    const shared = Math.min(probs[a], probs[b])
    for (const [seen, meant] of [[a, b], [b, a]]) if (!allowed[seen]) out[meant] += (1 - weight(seen, meant)) * shared
  }
  return out.map((v, i) => (allowed[i] ? clip(v) : 0))
}

/** How well the distances between characters fit a format: natural logarithm, 0 without evidence. */
export function gapLogLikelihood(boxes: Box[], gaps: number[] | null, candidates: number[]): number {
  if (gaps === null || !candidates.length || boxes.length < candidates.length + 3) return 0
  const steps = boxes.slice(1).map((b, i) => Math.hypot(
    (b[0] + b[2] - boxes[i][0] - boxes[i][2]) / 2, (b[1] + b[3] - boxes[i][1] - boxes[i][3]) / 2))
  const usual = Math.max(median(steps.filter((_, i) => !candidates.includes(i + 1))), 1e-6)
  return candidates.reduce((sum, position) => {
    const distance = (GAP_RATIO - steps[position - 1] / usual) / GAP_RATIO_WIDTH
    const p = 1 / (1 + Math.exp(Math.min(Math.max(distance, -4), 4)))
    return sum + Math.log(gaps.includes(position) ? p : 1 - p)
  }, 0)
}

/** Probability that a detection is a character: the sum of its three likeliest classes. */
export function existencePrior(probs: Float32Array): number {
  return Math.min([...probs].sort((a, b) => b - a).slice(0, 3).reduce((sum, p) => sum + p, 0), 1)
}

/** The same, given that the check digit is right after `rank` likelier codes failed. */
export function existencePosterior(prior: number[], rank: number): number[] {
  const chance = 1 - (1 - CHECK_BY_CHANCE) ** (rank + 1)
  return prior.map((own, i) => {
    const others = prior.reduce((product, p, k) => (k === i ? product : product * p), 1)
    const holds = own * (others + (1 - others) * chance)
    return holds / (holds + (1 - own) * chance)
  })
}

/** Confidence of each character of a decoded code. */
export function characterConfidences(
  probs: Float32Array[], scores: number[][], code: string, formats: Format[], alphabet: string, swap: Map<string, string>,
): number[] {
  const patterns = formats.map(f => parsePattern(f.pattern)).filter(p => p.length === code.length)
  return [...code].map((c, i) => {
    const column = alphabet.indexOf(c)
    let together = probs[i][column]
    for (const [seen, meant] of swap) {
      const k = alphabet.indexOf(seen)
      if (meant === c && k >= 0 && !patterns.some(p => p[i].includes(seen))) together += probs[i][k]
    }
    return Math.min(Math.max(scores[i][column], together), 1)
  })
}
