/** From a photograph to codes: detect, crop, recognise, decode; as `Reader` in alpr_nb/inference/reader.py. */
import { score } from './boxes'
import { calibrate, sharedGlyphs } from './calibration'
import { Decoder } from './decode'
import { Detector, type Runtime } from './detector'
import { crop, stretchContrast } from './image'
import type { Bundle } from './manifest'
import { readingOf, roundBox } from './reading'
import { readingOrders } from './reading-order'
import { boxQuad, CornerFinder, rankedAspects, skew, uprightCrop } from './rectify'
import type { Box, Detection, Manifest, Pixels, Plate, Quad, Reading, Result } from './types'

const MIN_SKEW = 10 // degrees, as in alpr_nb/inference/reader.py
const round1 = (v: number) => Math.round(v * 10) / 10
const confidenceOf = (p: Plate) => p.reading?.confidence ?? 0
const hasFormat = (p: Plate) => (p.reading?.format ? 1 : 0)

/** Greater than 0 if the first plate has the better reading: one that fits a format, then the more confident one. */
export function compareReadings(a: Plate, b: Plate): number {
  return hasFormat(a) - hasFormat(b) || confidenceOf(a) - confidenceOf(b)
}

function containsCentre(a: Plate, b: Plate): boolean {
  const [x, y] = [(b.box[0] + b.box[2]) / 2, (b.box[1] + b.box[3]) / 2]
  return a.box[0] <= x && x <= a.box[2] && a.box[1] <= y && y <= a.box[3]
}

/** Where one box contains the centre of another, keep the plate with the better reading. */
export function dropOverlapping(plates: Plate[]): Plate[] {
  const kept: Plate[] = []
  for (const p of [...plates].sort((a, b) => compareReadings(b, a))) {
    if (!kept.some(q => containsCentre(p, q) || containsCentre(q, p))) kept.push(p)
  }
  return kept.sort((a, b) => b.confidence - a.confidence)
}

/** The part of an image that recognition gets: whole px inside the image. */
export function cropBox(box: Box, image: Pixels, [mx, my]: [number, number], maxAspect: number): Box {
  const [x1, y1, x2, y2] = box
  const longest = maxAspect * Math.min(x2 - x1, y2 - y1)
  const dx = Math.min(x2 - x1, longest) * mx, dy = Math.min(y2 - y1, longest) * my
  return [Math.max(0, Math.trunc(x1 - dx)), Math.max(0, Math.trunc(y1 - dy)),
    Math.min(image.width, Math.ceil(x2 + dx)), Math.min(image.height, Math.ceil(y2 + dy))]
}

export class Reader {
  private glyphs: [number, number][]
  private decoder: Decoder

  private constructor(readonly manifest: Manifest, private cd: Detector, private cr: Detector,
    private corners: CornerFinder | null) {
    this.glyphs = sharedGlyphs(manifest.formats, manifest.alphabet)
    this.decoder = new Decoder(manifest.formats, manifest.decoder, manifest.alphabet)
  }

  static async create(runtime: Runtime, bundle: Bundle): Promise<Reader> {
    const { manifest, models } = bundle
    const cd = await Detector.create(runtime, models.cd, manifest.reader.cd)
    const cr = await Detector.create(runtime, models.cr, manifest.reader.cr)
    const corners = models.corners && manifest.rectifier
      ? await CornerFinder.create(runtime, models.corners, manifest.rectifier) : null
    return new Reader(manifest, cd, cr, corners)
  }

  /** Codes in one image, by descending confidence. `wholeImage`: it is the crop of a code, detection is skipped. */
  async read(image: Pixels, wholeImage = false): Promise<Result> {
    const start = performance.now()
    const found = wholeImage ? [fullBox(image)] : await this.cd.detect(image)
    const located = performance.now()
    let plates = await this.readCodes(image, found, wholeImage)
    if (!wholeImage) plates = await this.retryScene(image, plates)
    const end = performance.now()
    const readings = plates.flatMap(p => p.reading ?? []).sort((a: Reading, b: Reading) => b.confidence - a.confidence)
    return { width: image.width, height: image.height, readings, ms: { cd: located - start, cr: end - located, total: end - start } }
  }

  /** Search an image without a clear reading again in a larger input. */
  private async retryScene(image: Pixels, plates: Plate[]): Promise<Plate[]> {
    const { retry_scene_size: size, cd } = this.manifest.reader
    if (!size || !this.isUnclear(plates) || Math.max(image.width, image.height) <= cd.size) return plates
    const again = await this.readCodes(image, await this.cd.detect(image, size), false)
    const best = (all: Plate[]) => [...all].sort((a, b) => compareReadings(b, a))[0]
    if (!again.length || (plates.length && compareReadings(best(again), best(plates)) <= 0)) return plates
    if (!plates.length && !best(again).reading) return plates
    return dropOverlapping([...again, ...plates.filter(p => p.reading)])
  }

  private isUnclear(plates: Plate[]): boolean {
    return Math.max(0, ...plates.map(confidenceOf)) <= this.manifest.reader.unclear_confidence
  }

  private async readCodes(image: Pixels, found: Detection[], wholeImage: boolean): Promise<Plate[]> {
    const { margin, retry_margin, retry_below, retry_crop_size, rectify_crops } = this.manifest.reader
    const first: [number, number] = wholeImage ? [0, 0] : margin
    const second = wholeImage ? first : (retry_margin ?? margin)
    const plates = found.map((d): Plate => ({ box: roundBox(d.box), confidence: score(d), chars: [], reading: null }))
    for (let k = 0; k < plates.length; k++) {
      const box = found[k].box
      const large = Math.min(box[2] - box[0], box[3] - box[1]) >= 2
      const quad = this.corners && large && (rectify_crops || !wholeImage) ? await this.corners.find(image, box) : null
      await this.readCrop(image, box, first, plates[k], quad)
      const retry = (retry_margin && !wholeImage) || quad
      if (retry && confidenceOf(plates[k]) < retry_below) await this.readCrop(image, box, second, plates[k], null)
      const skewed = quad && skew(quad) > MIN_SKEW
      for (let rank = 1; skewed && rank < this.manifest.rectifier!.aspects.length; rank++) {
        if (confidenceOf(plates[k]) < retry_below) await this.readCrop(image, box, first, plates[k], quad, { rank })
      }
      if (confidenceOf(plates[k]) < retry_below) await this.readCrop(image, box, first, plates[k], quad, { stretch: true })
      if (retry_crop_size && this.isUnclear([plates[k]])) await this.readCrop(image, box, first, plates[k], null, { size: retry_crop_size })
    }
    return plates
  }

  /** Read the code in a box, upright by its quad where there is one, which gets the known aspect of this rank, and keep the
   * result in `plate` where it is better. With `stretch`, only a dim crop is read, with more contrast. */
  private async readCrop(
    image: Pixels, box: Box, margin: [number, number], plate: Plate, quad: Quad | null,
    { size, rank = 0, stretch = false }: { size?: number, rank?: number, stretch?: boolean } = {},
  ): Promise<void> {
    const { margin_max_aspect, calibration } = this.manifest.reader
    const [x1, y1, x2, y2] = cropBox(box, image, margin, margin_max_aspect)
    if (x2 - x1 < 2 || y2 - y1 < 2) return
    const aspects = quad ? rankedAspects(quad, this.manifest.rectifier!.aspects).slice(rank, rank + 1) : []
    const part = quad ? uprightCrop(image, quad, margin, aspects) : {
      image: crop(image, [x1, y1, x2, y2]), toImage: (b: Box): Box => [b[0] + x1, b[1] + y1, b[2] + x1, b[3] + y1],
    }
    const pixels = stretch ? stretchContrast(part.image) : part.image
    if (!pixels) return
    const found = await this.cr.detect(pixels, size)
    const calibrated = calibrate(found, calibration, this.glyphs)
    const chars = calibrated.map((d): Detection => ({ probs: d.probs, box: part.toImage(d.box) }))
    const orders = readingOrders(found.map(d => d.box))
    const decoded = this.decoder.decode(chars.map(c => c.probs), chars.map(c => c.box), orders)
    const reading = readingOf(decoded, chars, plate.box, this.manifest)
    if (reading) reading.quad = (quad ?? boxQuad(plate.box)).map(([x, y]) => [round1(x), round1(y)])
    const read: Plate = { ...plate, chars: decoded.order.map(i => chars[i]), reading }
    if (compareReadings(read, plate) > 0 || !plate.chars.length) Object.assign(plate, read)
  }

  async release(): Promise<void> { await Promise.all([this.cd.release(), this.cr.release(), this.corners?.release()]) }
}

function fullBox(image: Pixels): Detection {
  return { box: [0, 0, image.width, image.height], probs: new Float32Array([1]) }
}
