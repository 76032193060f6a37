/** Calibrated confidences of characters; as alpr_nb/inference/calibration.py. */
import { calibrateConfidence, type Calibration } from './platt-scaling'
import type { Detection, Format } from './types'

/** Pairs of class indices that share a glyph in at least one format. */
export function sharedGlyphs(formats: Record<string, Format>, alphabet: string): [number, number][] {
  const pairs = new Set(Object.values(formats).flatMap(f => f.same))
  return [...pairs].map(([a, b]): [number, number] => [alphabet.indexOf(a), alphabet.indexOf(b)])
    .filter(([a, b]) => a >= 0 && b >= 0).sort((p, q) => p[0] - q[0] || p[1] - q[1])
}

/** The largest class probability, where classes that share a glyph are added. */
export function maxClassConfidence(probs: Float32Array, pairs: [number, number][]): number {
  let most = 0
  for (const p of probs) if (p > most) most = p
  for (const [a, b] of pairs) most = Math.max(most, Math.fround(probs[a] + probs[b]))
  return Math.min(most, 1)
}

/** Scale the class probabilities of each detection so that its confidence is calibrated. */
export function calibrate(found: Detection[], calibration: Calibration, pairs: [number, number][]): Detection[] {
  if (calibration[0] === 1 && calibration[1] === 0) return found
  return found.map(({ box, probs }) => {
    const confidence = maxClassConfidence(probs, pairs)
    const factor = calibrateConfidence(confidence, calibration) / Math.max(confidence, 1e-6)
    return { box, probs: probs.map(v => Math.min(Math.max(v * factor, 0), 1)) }
  })
}
