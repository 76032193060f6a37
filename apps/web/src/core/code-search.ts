/** Find the best codes of a format; as alpr_nb/codes/code_search.py. */
import { allowedMask, emission, type Mask } from './emissions'
import { checkHolds, parsePattern } from './formats'
import { argmax } from './boxes'
import type { Format } from './types'

export const MIN_SCORE = 1e-6 // lower scores are raised to this before their logarithm is taken
const MIN_REJECTION = 0.01 // least probability that a detection is not a character
const WRONG_CHECK_DIGIT = 1e-3, UNLISTED_PREFIX = 0.01, OTHER_TEXT = 1e-5, MIN_SHARE = 1e-5, MISSING_FIRST = 0.1

export const highest = (values: ArrayLike<number>) => values[argmax(values)]
const product = (values: number[]) => values.reduce((all, v) => all * v, 1)

/** Align n detections with m positions in order, leaving out n - m: [sum of the log scores, indices that stay]. */
export function align(scores: number[][], confidences: number[]): [number, number[]] {
  const n = scores.length, m = scores[0].length
  const gain = (i: number, j: number) => Math.log(Math.max(scores[i][j], MIN_SCORE))
  const every = Array.from({ length: m }, (_, i) => i)
  if (n === m) return [every.reduce((sum, i) => sum + gain(i, i), 0), every]

  const loss = confidences.map(c => Math.log(Math.max(1 - c, MIN_REJECTION)))
  const best = Array.from({ length: n + 1 }, () => new Float64Array(m + 1).fill(-Infinity))
  const took = Array.from({ length: n + 1 }, () => new Array<boolean>(m + 1).fill(false))
  best[0][0] = 0
  for (let i = 1; i <= n; i++) {
    best[i][0] = best[i - 1][0] + loss[i - 1]
    for (let j = Math.max(1, m - n + i); j <= Math.min(i, m); j++) {
      const skip = best[i - 1][j] + loss[i - 1], take = best[i - 1][j - 1] + gain(i - 1, j - 1)
      best[i][j] = Math.max(skip, take)
      took[i][j] = take >= skip
    }
  }
  const kept: number[] = []
  for (let i = n, j = m; i; i--) if (took[i][j]) { kept.push(i - 1); j-- }
  return [best[n][m], kept.reverse()]
}

function compare(a: number[], b: number[]): number {
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return a[i] - b[i]
  return 0
}

/** Codes by descending score: at most `limit`, with at most `width` characters tried at each position. */
export function* nBest(scores: number[][], alphabet: string, limit = 1000, width = 6): Generator<[string, number]> {
  const order = scores.map(row => row.map((_, i) => i).sort((a, b) => row[b] - row[a]).slice(0, width))
  const log = (i: number, rank: number) => Math.log(Math.max(scores[i][order[i][rank]], MIN_SCORE))
  const cost = (ranks: number[]) => -ranks.reduce((sum, r, i) => sum + log(i, r), 0)
  const first = scores.map(() => 0)
  const queue: { cost: number; ranks: number[] }[] = [{ cost: cost(first), ranks: first }], queued = new Set([String(first)])
  for (let listed = 0; listed < limit && queue.length; listed++) {
    const next = queue.pop()! // the queue is sorted by descending cost
    yield [next.ranks.map((r, i) => alphabet[order[i][r]]).join(''), Math.exp(-next.cost)]
    next.ranks.forEach((rank, i) => {
      if (rank + 1 >= order[i].length || scores[i][order[i][rank + 1]] <= 0) return
      const ranks = next.ranks.with(i, rank + 1), key = String(ranks)
      if (queued.has(key)) return
      queued.add(key)
      const entry = { cost: cost(ranks), ranks }
      let low = 0, high = queue.length
      while (low < high) {
        const mid = (low + high) >> 1
        const later = queue[mid].cost - entry.cost || compare(queue[mid].ranks, entry.ranks)
        if (later > 0) low = mid + 1
        else high = mid
      }
      queue.splice(low, 0, entry)
    })
  }
}

const prefixWeight = (code: string, prefixes: string[]) =>
  !prefixes.length || prefixes.some(p => code.startsWith(p)) ? 1 : UNLISTED_PREFIX

/** For each character of `best`, the share of all scores that agrees with it. */
function characterShares(found: [number, string][], best: string, rest: number): number[] {
  const total = found.reduce((sum, [score]) => sum + score, 0) + rest
  return [...best].map((c, i) => found.reduce((sum, [score, code]) => sum + (code[i] === c ? score : 0), 0) / total)
}

export interface Checked { code: string; value: number; shares: number[]; rank: number }

/** The best code with a right check digit, null if there is none. */
export function bestValidCode(scores: number[][], alphabet: string, fmt: Format, other: number): Checked | null {
  const found: [number, string][] = []
  let most = 0
  for (const [code, score] of nBest(scores, alphabet)) {
    if (score < MIN_SHARE * most) break
    most = Math.max(most, score)
    found.push([score * prefixWeight(code, fmt.prefixes), code])
  }
  found.sort((a, b) => b[0] - a[0])
  const rank = found.findIndex(([, code]) => checkHolds(code, fmt.check))
  if (rank < 0) return null
  const valid = found.filter(([, code]) => checkHolds(code, fmt.check))
  const [value, code] = found[rank]
  const rest = Math.max(fmt.check ? WRONG_CHECK_DIGIT * found[0][0] : 0, other)
  return { code, value, shares: characterShares(valid, code, rest), rank }
}

/** Score of the detections as text that is not a code; times ten for each character that its position does not allow. */
export function otherTextScore(probs: Float32Array[], mask: Mask): number {
  const misfits = mask.filter((allowed, i) => !allowed[argmax(probs[i])]).length
  return OTHER_TEXT * 10 ** misfits * product(probs.map(highest))
}

/** The best code with one character that was not detected: the last one, or one of a known prefix. */
export function completeCode(
  probs: Float32Array[], fmt: Format, alphabet: string, swap: Map<string, string>, discount: number, limit = 20,
): { code: string; shares: number[]; missing: number } | null {
  const mask = allowedMask(fmt.pattern, alphabet), allowed = parsePattern(fmt.pattern), m = mask.length
  const positions = new Set([...Array(Math.max(0, ...fmt.prefixes.map(p => p.length))).keys(), m - 1])
  let best: [number, string, number] | null = null
  const found: [number, string][] = []
  for (const i of positions) {
    const rest = mask.toSpliced(i, 1)
    const scores = rest.map((row, k) => emission(probs[k], alphabet, row, swap, discount, fmt.same))
    if (!scores.every(row => highest(row) > 0)) continue
    for (const [part, score] of nBest(scores, alphabet, limit)) {
      for (const c of allowed[i]) {
        const code = part.slice(0, i) + c + part.slice(i)
        if (!checkHolds(code, fmt.check)) continue
        const value = score * (i === m - 1 ? 1 : MISSING_FIRST) * prefixWeight(code, fmt.prefixes)
        found.push([value, code])
        const better = !best || value > best[0] || (value === best[0] && (code > best[1] || (code === best[1] && i > best[2])))
        if (better) best = [value, code, i]
      }
    }
  }
  if (!best) return null
  const [, code, missing] = best
  return { code, missing, shares: characterShares(found, code, otherTextScore(probs, mask.toSpliced(missing, 1))) }
}
