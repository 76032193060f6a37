/** A result as `alpr-nb read --json` prints it. */
import type { Result } from './types'

const round = (v: number, digits: number) => Math.round(v * 10 ** digits) / 10 ** digits

export function asJson(image: string, result: Result, decodeMs: number): object {
  const { cd, cr, total } = result.ms
  return {
    image, width: result.width, height: result.height,
    readings: result.readings.map(r => ({
      code: r.code, confidence: round(r.confidence, 4), raw: r.raw, format: r.format, box: r.box, quad: r.quad,
      chars: r.chars.map(c => ({ char: c.char, confidence: round(c.confidence, 4), box: c.box })),
    })),
    ms: { decode: round(decodeMs, 2), cd: round(cd, 2), cr: round(cr, 2), total: round(decodeMs + total, 2) },
  }
}
