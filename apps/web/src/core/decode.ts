/** The most probable code behind the detected characters: one probability model with fitted parameters; as `Decoder` in
 * alpr_nb/codes/decoding.py. */
import { buildAutomaton, codeLayers, type Layer } from './automaton'
import { argmax } from './boxes'
import type { DecoderParams } from './decoder-params'
import { Emissions, type Matrix } from './emissions'
import { Lattice } from './lattice'
import { calibrateConfidence } from './platt-scaling'
import { median } from './reading-order'
import type { Box, Format } from './types'

export interface Decoded {
  code: string // the most probable code; where free text is more probable, the characters as read
  format: string | null // name of the format of the code; null: free text
  confidence: number // 0 to 1: calibrated probability that the whole code is right
  raw: string // the likeliest character of each detection, in reading order
  confidences: number[] // for each character of `code` its posterior, 0 to 1
  kept: (number | null)[] // for each character of `code` the index of its detection; null: it was not detected
  order: number[] // indices of the detections in reading order
}

/** A lattice, and the prior and the spacing of its format, which multiply its sums. */
interface Weighted {
  lattice: Lattice
  weight: number
}

const LEAST = 0.05 // codes with a lower posterior are not searched

/** A row of probabilities by character; what the known ones leave is spread evenly. */
function spread(known: Record<string, number>, alphabet: string): Float64Array {
  const total = Object.values(known).reduce((sum, p) => sum + p, 0)
  const rest = (1 - total) / Math.max(alphabet.length - Object.keys(known).length, 1)
  return Float64Array.from(alphabet, c => known[c] ?? rest)
}

/** Logarithm of the distance across each gap, relative to the median distance of other neighbours. */
export function gapWidths(boxes: Box[], gaps: number[]): number[] {
  const steps = boxes.slice(1).map((b, i) => Math.max(1e-6, Math.hypot(
    b[0] + b[2] - boxes[i][0] - boxes[i][2], b[1] + b[3] - boxes[i][1] - boxes[i][3])))
  const others = steps.filter((_, i) => !gaps.includes(i + 1))
  return gaps.map(g => (others.length ? Math.log(steps[g - 1] / median(others)) : 0))
}

/** Decodes the detections of one scope. It keeps no state between calls. */
export class Decoder {
  readonly layers: Record<string, Layer[]> = {} // of each format; [] if the alphabet cannot write a code
  readonly confusion: Record<string, Matrix> = {} // (classes, classes): row painted, column shown
  readonly free: Float64Array // (classes) in free text
  readonly insertion: Float64Array // (classes) in a detection that is no character

  constructor(readonly formats: Record<string, Format>, readonly params: DecoderParams, readonly alphabet: string) {
    for (const [name, format] of Object.entries(formats)) {
      const own = params.formats[name]
      if (!own) throw new Error(`the decoder has no parameters of the format ${name}; run \`alpr-nb fit-decoder\``)
      this.layers[name] = buildAutomaton(format, alphabet, own.unlisted)
      this.confusion[name] = Array.from(alphabet, c => spread(own.confusion[c] ?? {}, alphabet))
    }
    const every = Object.values(this.confusion).flat(), rows = every.length ? every : [spread({}, alphabet)]
    this.free = Float64Array.from(alphabet, (_, k) => rows.reduce((sum, row) => sum + row[k], 0) / rows.length)
    this.insertion = spread(params.insertion, alphabet)
  }

  /** Density of the gap widths of a line, given the format: a Student distribution, which bounds outliers. */
  private spacing(name: string, boxes: Box[]): number {
    const known = Object.entries(this.params.formats[name].spacing)
    if (boxes.length !== this.layers[name].length) return 1
    const widths = gapWidths(boxes, known.map(([gap]) => Number(gap)))
    return known.reduce((all, [, [middle, scale]], i) => all * (1 + ((widths[i] - middle) / scale) ** 2) ** -1.5 / scale, 1)
  }

  /** The lattice of each format. `lines`: number of detections in each line. */
  private lattices(probs: Float64Array[], lines: number[], boxes: Box[] | null): Map<string, Weighted> {
    const e = new Emissions(probs, lines, this), found = new Map<string, Weighted>()
    for (const [name, layers] of Object.entries(this.layers)) {
      if (!layers.length) continue
      const own = this.params.formats[name], spacing = boxes && lines.length === 1 ? this.spacing(name, boxes) : 1
      found.set(name, { lattice: new Lattice(layers, e, name, own), weight: own.prior * spacing })
    }
    return found
  }

  /** The most probable code of all formats, or the characters as read if free text is more probable.
   * `boxes`: null: do not use the spacing. `orders`: possible reading orders, each a list of lines of indices. */
  decode(detected: ArrayLike<number>[], boxes: Box[] | null, orders: number[][][]): Decoded {
    const probs = detected.map(row => Float64Array.from(row))
    const nothing = probs.map(row => row.every(p => p === 0)) // no detection
    if (nothing.every(Boolean)) return { code: '', format: null, confidence: 0, raw: '', confidences: [], kept: [], order: [] }
    let evidence = -1, lattices = new Map<string, Weighted>(), order: number[] = []
    for (const every of orders.length ? orders : [[probs.map((_, i) => i)]]) { // the one with the most evidence is taken
      const lines = every.map(line => line.filter(i => !nothing[i])), own = lines.flat()
      const found = this.lattices(own.map(i => probs[i]), lines.map(l => l.length), boxes && own.map(i => boxes[i]))
      const total = [...found.values()].reduce((sum, { lattice, weight }) => sum + weight * lattice.evidence, 0)
      if (total > evidence) [evidence, lattices, order] = [total, found, own]
    }
    return this.best(order.map(i => probs[i]), order, lattices, evidence + this.params.other)
  }

  /** The most probable of all codes and free text. `total`: the sum of their weights. */
  private best(probs: Float64Array[], order: number[], lattices: Map<string, Weighted>, total: number): Decoded {
    const text = (classes: number[]) => classes.map(k => this.alphabet[k]).join('')
    const raw = text(probs.map(argmax)), { other, other_right, calibration, ceiling } = this.params
    let weight = other, name: string | null = null, classes: number[] = []
    for (const [format, own] of lattices) {
      for (const found of own.lattice.codes((LEAST * total) / own.weight, this.formats[format].derive)) {
        if (own.weight * found.sum > weight) [weight, name, classes] = [own.weight * found.sum, format, found.classes]
      }
    }
    if (name === null) {
      const confidences = probs.map(row => Math.max(...row)), product = confidences.reduce((all, p) => all * p, 1)
      const confidence = product * (Object.keys(this.formats).length ? (other_right * weight) / total : 1)
      return { code: raw, format: null, confidence, raw, confidences, kept: order, order }
    }
    const { lattice } = lattices.get(name)!, { chars } = lattice.posteriors()
    const kept = lattice.of(codeLayers(classes)).alignment().map(k => (k === null ? null : order[k]))
    const confidence = Math.min(calibrateConfidence(weight / total, calibration), ceiling)
    return { code: text(classes), format: name, confidence, raw, confidences: classes.map((k, j) => chars[j][k]), kept, order }
  }
}
