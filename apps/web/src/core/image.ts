/** Crop, resize and letterbox images, and turn them into a model's input; the arithmetic is that of OpenCV. */
import type { Box, Detection, Pixels } from './types'

/** Rounds halves to the even neighbour, as Python's `round` and OpenCV do. */
export function roundHalfEven(x: number): number {
  const down = Math.floor(x)
  const rest = x - down
  if (rest !== 0.5) return rest < 0.5 ? down : down + 1
  return down % 2 === 0 ? down : down + 1
}

/** RGB without alpha from the RGBA of a canvas. */
export function dropAlpha(rgba: Uint8ClampedArray | Uint8Array, width: number, height: number): Pixels {
  const data = new Uint8Array(width * height * 3)
  for (let i = 0, j = 0; j < data.length; i += 4, j += 3) {
    data[j] = rgba[i]
    data[j + 1] = rgba[i + 1]
    data[j + 2] = rgba[i + 2]
  }
  return { data, width, height }
}

/** The part of an image inside a box of whole px. */
export function crop(image: Pixels, [x1, y1, x2, y2]: Box): Pixels {
  const [width, height] = [x2 - x1, y2 - y1]
  const data = new Uint8Array(width * height * 3)
  for (let y = 0; y < height; y++) {
    const start = ((y1 + y) * image.width + x1) * 3
    data.set(image.data.subarray(start, start + width * 3), y * width * 3)
  }
  return { data, width, height }
}

/** The value below which a share of the sorted values lies, between two of them where needed; as `numpy.percentile`. */
function percentile(counts: Uint32Array, share: number): number {
  const at = (counts.reduce((sum, n) => sum + n, 0) - 1) * share
  const value = (rank: number) => { let v = 0; for (let seen = counts[0]; seen <= rank; seen += counts[++v]); return v }
  const [low, high, t] = [value(Math.floor(at)), value(Math.ceil(at)), at - Math.floor(at)]
  return t < 0.5 ? low + (high - low) * t : high - (high - low) * (1 - t)
}

/** A dim image with its grey values stretched over 0 to 255; null if it has contrast enough. As alpr_nb/inference/contrast.py. */
export function stretchContrast(image: Pixels, full = 128, tails = 0.01): Pixels | null {
  const counts = new Uint32Array(256)
  for (const v of image.data) counts[v]++
  const low = percentile(counts, tails), high = percentile(counts, 1 - tails)
  if (!(high - low > 0 && high - low < full)) return null
  const table = Uint8Array.from({ length: 256 }, (_, v) => Math.min(Math.max((v - low) * 255 / (high - low), 0), 255))
  return { ...image, data: image.data.map(v => table[v]) }
}

const COEFFICIENT_BITS = 11 // INTER_RESIZE_COEF_BITS of OpenCV, modules/imgproc/src/resize.cpp

/** For each target pixel: two source pixels and their weights in units of 1/2048. */
function taps(target: number, source: number) {
  const first = new Int32Array(target), second = new Int32Array(target)
  const weightFirst = new Int32Array(target), weightSecond = new Int32Array(target)
  const scale = source / target, one = 1 << COEFFICIENT_BITS
  for (let i = 0; i < target; i++) {
    const at = Math.fround((i + 0.5) * scale - 0.5)
    let k = Math.floor(at)
    let part = Math.fround(at - k)
    if (k < 0) { k = 0; part = 0 }
    if (k >= source - 1) { k = source - 1; part = 0 }
    first[i] = k
    second[i] = Math.min(k + 1, source - 1)
    weightSecond[i] = roundHalfEven(part * one)
    weightFirst[i] = roundHalfEven(Math.fround(1 - part) * one)
  }
  return { first, second, weightFirst, weightSecond }
}

/** Bilinear resize with the fixed-point arithmetic of `cv2.resize(..., INTER_LINEAR)` on 8 bits. */
export function resize(image: Pixels, width: number, height: number): Pixels {
  if (image.width === width && image.height === height) return image
  const x = taps(width, image.width), y = taps(height, image.height)
  const rowLength = width * 3, data = new Uint8Array(rowLength * height)
  let above: Int32Array = new Int32Array(rowLength), below: Int32Array = new Int32Array(rowLength)
  let aboveAt = -1, belowAt = -1

  function scaleRow(row: number, into: Int32Array) {
    const start = row * image.width * 3
    for (let i = 0, j = 0; i < width; i++) {
      const a = start + x.first[i] * 3, b = start + x.second[i] * 3
      const wa = x.weightFirst[i], wb = x.weightSecond[i]
      for (let c = 0; c < 3; c++) into[j++] = (image.data[a + c] * wa + image.data[b + c] * wb) >> 4
    }
  }

  for (let r = 0; r < height; r++) {
    if (aboveAt !== y.first[r]) {
      if (belowAt === y.first[r]) {
        [above, below] = [below, above]
        ;[aboveAt, belowAt] = [belowAt, aboveAt]
      } else {
        scaleRow(y.first[r], above)
        aboveAt = y.first[r]
      }
    }
    if (belowAt !== y.second[r]) {
      scaleRow(y.second[r], below)
      belowAt = y.second[r]
    }
    const wa = y.weightFirst[r], wb = y.weightSecond[r], out = r * rowLength
    for (let i = 0; i < rowLength; i++) {
      data[out + i] = (((wa * above[i]) >> 16) + ((wb * below[i]) >> 16) + 2) >> 2
    }
  }
  return { data, width, height }
}

/** Place of an image in a model's input, px. */
export interface Letterbox {
  width: number
  height: number
  innerWidth: number
  innerHeight: number
  left: number
  top: number
}

/** The rectangular letterbox of an image, with the least padding. */
export function planLetterbox(width: number, height: number, size: number, stride: number): Letterbox {
  const ratio = size / Math.max(width, height)
  const innerWidth = Math.max(1, roundHalfEven(width * ratio)), innerHeight = Math.max(1, roundHalfEven(height * ratio))
  const full = (n: number) => Math.ceil(n / stride) * stride
  const [w, h] = [full(innerWidth), full(innerHeight)]
  return { width: w, height: h, innerWidth, innerHeight, left: (w - innerWidth) >> 1, top: (h - innerHeight) >> 1 }
}

/** The model's input: float32 (3, height, width), RGB, 0 to 1, the image in the middle of grey. */
export function letterboxTensor(image: Pixels, to: Letterbox, pad: number): Float32Array {
  const scaled = resize(image, to.innerWidth, to.innerHeight)
  const plane = to.width * to.height, out = new Float32Array(3 * plane)
  const unit = new Float32Array(256).map((_, i) => Math.fround(i * Math.fround(1 / 255)))
  out.fill(unit[pad])
  for (let y = 0; y < to.innerHeight; y++) {
    let from = y * to.innerWidth * 3, at = (y + to.top) * to.width + to.left
    for (let x = 0; x < to.innerWidth; x++, at++) {
      out[at] = unit[scaled.data[from++]]
      out[plane + at] = unit[scaled.data[from++]]
      out[2 * plane + at] = unit[scaled.data[from++]]
    }
  }
  return out
}

/** A detection in px of the input becomes one in px of the image, clipped to its border. */
export function toImage(found: Detection, to: Letterbox, width: number, height: number): Detection {
  const sx = width / to.innerWidth, sy = height / to.innerHeight
  const clip = (v: number, most: number) => Math.fround(Math.min(Math.max(v, 0), most))
  const [x1, y1, x2, y2] = found.box
  return {
    box: [clip((x1 - to.left) * sx, width), clip((y1 - to.top) * sy, height),
      clip((x2 - to.left) * sx, width), clip((y2 - to.top) * sy, height)],
    probs: found.probs,
  }
}
