/** Intersection over union (IoU) and non-maximum suppression (NMS). */
import type { Box, Detection } from './types'

export function area([x1, y1, x2, y2]: Box): number { return (x2 - x1) * (y2 - y1) }

export function iou(a: Box, b: Box): number {
  const w = Math.max(0, Math.min(a[2], b[2]) - Math.max(a[0], b[0]))
  const h = Math.max(0, Math.min(a[3], b[3]) - Math.max(a[1], b[1]))
  return (w * h) / Math.max(area(a) + area(b) - w * h, 1e-9) // px²; avoids a division by zero
}

/** Index of the largest value; the first of equal ones. */
export function argmax(values: ArrayLike<number>): number {
  let best = 0
  for (let i = 1; i < values.length; i++) if (values[i] > values[best]) best = i
  return best
}

/** Confidence of the best class. */
export function score(d: Detection): number { return d.probs[argmax(d.probs)] }

/** Greedy NMS of detections that are sorted by descending score. */
export function nms(sorted: Detection[], threshold: number, agnostic: boolean): Detection[] {
  const kept: Detection[] = []
  for (const d of sorted) {
    const suppressed = kept.some(k => (agnostic || argmax(k.probs) === argmax(d.probs)) && iou(k.box, d.box) > threshold)
    if (!suppressed) kept.push(d)
  }
  return kept
}
