/** From the box of a leaning code to an upright crop; as alpr_nb/inference/rectify.py. Warps are bilinear in floating point. */
import type { InferenceSession } from 'onnxruntime-web/wasm'
import { letterboxTensor } from './image'
import type { Runtime } from './detector'
import type { Box, Pixels, Quad, RectifierSettings } from './types'

export function boxQuad([x1, y1, x2, y2]: Box): Quad { return [[x1, y1], [x2, y1], [x2, y2], [x1, y2]] }

/** Whether a quad is convex and runs clockwise. */
export function isConvex(quad: Quad): boolean {
  const side = quad.map(([x, y], i) => [quad[(i + 1) % 4][0] - x, quad[(i + 1) % 4][1] - y])
  return side.every(([x, y], i) => x * side[(i + 1) % 4][1] - y * side[(i + 1) % 4][0] > 0)
}

/** Size of the upright rectangle, px: the longer estimate decides, the nearest known aspect gives the other side. */
export function uprightSize(quad: Quad, aspects: number[]): [number, number] {
  const [top, right, bottom, left] = quad.map(([x, y], i) => Math.hypot(quad[(i + 1) % 4][0] - x, quad[(i + 1) % 4][1] - y))
  const w = Math.max((top + bottom) / 2, 1), h = Math.max((left + right) / 2, 1)
  if (!aspects.length) return [w, h]
  const off = (a: number) => Math.abs(Math.log(w / h / a))
  const aspect = aspects.reduce((best, a) => (off(a) < off(best) ? a : best))
  return w / h > aspect ? [w, w / aspect] : [h * aspect, h]
}

/** Rows of a 3 x 3 matrix. */
export type Matrix = [number, number, number, number, number, number, number, number, number]

/** The homography that maps four points to four others, by Gaussian elimination. */
export function homography(from: Quad, to: Quad): Matrix {
  const rows = from.flatMap(([x, y], i) => {
    const [u, v] = to[i]
    return [[x, y, 1, 0, 0, 0, -x * u, -y * u, u], [0, 0, 0, x, y, 1, -x * v, -y * v, v]]
  })
  for (let k = 0; k < 8; k++) {
    let pivot = k
    for (let r = k + 1; r < 8; r++) if (Math.abs(rows[r][k]) > Math.abs(rows[pivot][k])) pivot = r
    ;[rows[k], rows[pivot]] = [rows[pivot], rows[k]]
    for (let r = 0; r < 8; r++) {
      if (r === k) continue
      const factor = rows[r][k] / rows[k][k]
      for (let c = k; c < 9; c++) rows[r][c] -= factor * rows[k][c]
    }
  }
  return [...rows.map((row, k) => row[8] / row[k]), 1] as Matrix
}

export function apply(m: Matrix, x: number, y: number): [number, number] {
  const w = m[6] * x + m[7] * y + m[8]
  return [(m[0] * x + m[1] * y + m[2]) / w, (m[3] * x + m[4] * y + m[5]) / w]
}

/** An image of a size whose pixel (x, y) is that of `source(x, y)`, bilinear; beyond its border an image repeats it. */
function warp(image: Pixels, width: number, height: number, source: (x: number, y: number) => [number, number]): Pixels {
  const data = new Uint8Array(width * height * 3), { data: from, width: w, height: h } = image
  for (let y = 0, j = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const [sx, sy] = source(x, y)
      const fx = Math.min(Math.max(sx, 0), w - 1), fy = Math.min(Math.max(sy, 0), h - 1)
      const x0 = Math.floor(fx), y0 = Math.floor(fy), px = fx - x0, py = fy - y0
      const right = Math.min(x0 + 1, w - 1), below = Math.min(y0 + 1, h - 1)
      for (let c = 0; c < 3; c++) {
        const above = from[(y0 * w + x0) * 3 + c] * (1 - px) + from[(y0 * w + right) * 3 + c] * px
        const under = from[(below * w + x0) * 3 + c] * (1 - px) + from[(below * w + right) * 3 + c] * px
        data[j++] = Math.round(above * (1 - py) + under * py)
      }
    }
  }
  return { data, width, height }
}

export interface Upright {
  image: Pixels
  toImage: (box: Box) => Box
}

/** The part of an image in a quad, made upright, with a margin of shares of its width and height. */
export function uprightCrop(image: Pixels, quad: Quad, [mx, my]: [number, number], aspects: number[]): Upright {
  const [w, h] = uprightSize(quad, aspects), [dx, dy] = [mx * w, my * h]
  const back = homography(boxQuad([dx, dy, dx + w, dy + h]), quad)
  const upright = warp(image, Math.ceil(w + 2 * dx), Math.ceil(h + 2 * dy), (x, y) => apply(back, x, y))
  const toImage = (box: Box): Box => {
    const points = boxQuad(box).map(([x, y]) => apply(back, x, y))
    const [xs, ys] = [points.map(p => p[0]), points.map(p => p[1])]
    return [Math.min(...xs), Math.min(...ys), Math.max(...xs), Math.max(...ys)]
  }
  return { image: upright, toImage }
}

/** The window around a box, stretched to the network's input; a large one is averaged first, in whole cells. */
function cornerInput(image: Pixels, [x1, y1, x2, y2]: Box, width: number, height: number): Pixels {
  const fx = (x2 - x1) / width, fy = (y2 - y1) / height
  const taps = Math.max(1, Math.ceil(Math.max(fx, fy) / 2)) // samples on each side of a cell of the input
  if (taps === 1) return warp(image, width, height, (x, y) => [x1 + x * fx, y1 + y * fy])
  const shift = (Math.max(fx, fy) / 2 - 1) / 2 // px; Python scales the part by its pixels' centres and the window by its corners
  const fine = warp(image, width * taps, height * taps, (x, y) =>
    [x1 + shift + ((x + 0.5) / taps - 0.5) * fx, y1 + shift + ((y + 0.5) / taps - 0.5) * fy])
  const data = new Uint8Array(width * height * 3)
  for (let y = 0, j = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      for (let c = 0; c < 3; c++) {
        let sum = 0
        for (let v = 0; v < taps; v++) {
          for (let u = 0; u < taps; u++) sum += fine.data[((y * taps + v) * fine.width + x * taps + u) * 3 + c]
        }
        data[j++] = Math.round(sum / (taps * taps))
      }
    }
  }
  return { data, width, height }
}

/** The corner network. */
export class CornerFinder {
  private constructor(private runtime: Runtime, private session: InferenceSession, readonly cfg: RectifierSettings) {}

  static async create(runtime: Runtime, model: Uint8Array, cfg: RectifierSettings): Promise<CornerFinder> {
    return new CornerFinder(runtime, await runtime.InferenceSession.create(model), cfg)
  }

  /** The corners of the code in a box; the box's own corners where the network's are not convex. */
  async find(image: Pixels, box: Box): Promise<Quad> {
    const { width, height, context } = this.cfg
    const [dx, dy] = [(box[2] - box[0]) * context, (box[3] - box[1]) * context]
    const window: Box = [box[0] - dx, box[1] - dy, box[2] + dx, box[3] + dy]
    const place = { width, height, innerWidth: width, innerHeight: height, left: 0, top: 0 }
    const data = letterboxTensor(cornerInput(image, window, width, height), place, 0)
    const input = new this.runtime.Tensor('float32', data, [1, 3, height, width])
    const output = await this.session.run({ [this.session.inputNames[0]]: input })
    const shares = output[this.session.outputNames[0]].data as Float32Array
    const quad = [0, 1, 2, 3].map(i => [window[0] + shares[2 * i] * (window[2] - window[0]),
      window[1] + shares[2 * i + 1] * (window[3] - window[1])]) as Quad
    return isConvex(quad) ? quad : boxQuad(box)
  }

  async release(): Promise<void> { await this.session.release() }
}
