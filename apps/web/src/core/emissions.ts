/** Evidence of n detections in reading order, each relative to the same detection in free text; as `Emissions` in
 * alpr_nb/codes/decoding.py. */
import type { Decoder } from './decode'
import { calibrateConfidence } from './platt-scaling'

export type Matrix = Float64Array[] // rows

export function dot(a: Float64Array, b: Float64Array): number {
  let all = 0
  for (let i = 0; i < a.length; i++) all += a[i] * b[i]
  return all
}

/** Factors of insertions: [i][k], detections i to k - 1 are insertions. `noise`: each of them as an insertion. */
function insertionRuns(noise: number[]): Matrix {
  const run = [0]
  for (const p of noise) run.push(run[run.length - 1] + Math.log(p))
  return run.map((from, i) => Float64Array.from(run, (to, k) => (k < i ? 0 : Math.exp(to - from))))
}

export class Emissions {
  readonly match: Record<string, Matrix> = {} // format -> (classes, n): the detection shows the painted class
  readonly skip: Matrix // (n + 1, n + 1) insertions between two characters
  readonly start: Float64Array // (n + 1) insertions and other text before the code
  readonly stop: Float64Array // (n + 1) insertions and other text after the code

  /** `probs`: (n, classes), no row of zeros. `lines`: number of detections in each line. */
  constructor(probs: Float64Array[], lines: number[], decoder: Decoder) {
    const { presence, beside } = decoder.params
    const shown = probs.map(row => { const total = row.reduce((sum, p) => sum + p, 0); return row.map(p => p / total) })
    const present = probs.map(row => calibrateConfidence(Math.max(...row), presence))
    const noise = shown.map((row, i) => (1 - present[i]) * dot(row, decoder.insertion))
    const free = shown.map((row, i) => present[i] * dot(row, decoder.free) + noise[i])
    const weight = (i: number, painted: Float64Array) => (present[i] / free[i]) * dot(shown[i], painted)
    for (const [name, confusion] of Object.entries(decoder.confusion)) {
      this.match[name] = confusion.map(painted => Float64Array.from(shown, (_, i) => weight(i, painted)))
    }
    this.skip = insertionRuns(noise.map((p, i) => p / free[i]))
    this.start = this.skip[0].slice()
    this.stop = Float64Array.from(this.skip, row => row[probs.length])
    let end = 0
    for (const n of lines.slice(0, -1)) {
      end += n
      this.start[end] += beside
      this.stop[end] += beside
    }
  }
}
