/** Turn a score into a probability; as alpr_nb/codes/platt_scaling.py. */

/** Slope and offset of a calibration; [1, 0] changes nothing. */
export type Calibration = [slope: number, offset: number]

const clip = (v: number, low: number, high: number) => Math.min(Math.max(v, low), high)

/** The share of right outcomes among those with such a confidence. */
export function calibrateConfidence(confidence: number, [slope, offset]: Calibration): number {
  const p = clip(confidence, 1e-6, 1 - 1e-6)
  return 1 / (1 + Math.exp(-clip(slope * Math.log(p / (1 - p)) + offset, -30, 30)))
}
