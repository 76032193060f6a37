/** From the box of a leaning code to an upright crop; as alpr_nb/inference/rectify.py. Warps are bilinear in floating point. */
import type { InferenceSession } from 'onnxruntime-web/wasm'
import { crop, letterboxTensor, roundHalfEven } from './image'
import type { Runtime } from './detector'
import type { Box, Pixels, Quad, RectifierSettings } from './types'

export function boxQuad([x1, y1, x2, y2]: Box): Quad { return [[x1, y1], [x2, y1], [x2, y2], [x1, y2]] }

/** Whether a quad is convex and runs clockwise. */
export function isConvex(quad: Quad): boolean {
  const side = quad.map(([x, y], i) => [quad[(i + 1) % 4][0] - x, quad[(i + 1) % 4][1] - y])
  return side.every(([x, y], i) => x * side[(i + 1) % 4][1] - y * side[(i + 1) % 4][0] > 0)
}

/** Degrees between the line of writing and the upright sides, less a right angle: 0 for a rectangle. */
export function skew(quad: Quad): number {
  const middles = quad.map(([x, y], i) => [(x + quad[(i + 1) % 4][0]) / 2, (y + quad[(i + 1) % 4][1]) / 2])
  const [ax, ay] = [middles[1][0] - middles[3][0], middles[1][1] - middles[3][1]]
  const [dx, dy] = [middles[2][0] - middles[0][0], middles[2][1] - middles[0][1]]
  const cosine = Math.abs(ax * dx + ay * dy) / Math.max(Math.hypot(ax, ay) * Math.hypot(dx, dy), 1e-9)
  return Math.asin(Math.min(cosine, 1)) * 180 / Math.PI
}

/** Mean lengths of the upper and lower side, and of the left and right side, px; at least 1. */
function quadSides(quad: Quad): [number, number] {
  const [top, right, bottom, left] = quad.map(([x, y], i) => Math.hypot(quad[(i + 1) % 4][0] - x, quad[(i + 1) % 4][1] - y))
  return [Math.max((top + bottom) / 2, 1), Math.max((left + right) / 2, 1)]
}

/** Known aspects in the order in which a quad suggests them. */
export function rankedAspects(quad: Quad, aspects: number[]): number[] {
  const [w, h] = quadSides(quad), off = (a: number) => Math.abs(Math.log(w / h / a))
  return [...aspects].sort((a, b) => off(a) - off(b))
}

/** Size of the upright rectangle, px: the longer estimate decides, the nearest known aspect gives the other side. */
export function uprightSize(quad: Quad, aspects: number[]): [number, number] {
  const [w, h] = quadSides(quad)
  if (!aspects.length) return [w, h]
  const [aspect] = rankedAspects(quad, aspects)
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
        data[j++] = roundHalfEven(above * (1 - py) + under * py)
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

const SMOOTH_FROM = 2 // px of the image for one of the input; beyond it, the image is averaged first, as in `corner_input`
const LEAST_PART = 1e-3 // of a pixel, that counts in an average: computeResizeAreaTab of OpenCV, modules/imgproc/src/resize.cpp

/** For each target pixel: source pixels and their shares, which add up to 1. */
function areaShares(target: number, source: number, scale: number): [number, number][][] {
  return Array.from({ length: target }, (_, i) => {
    const start = i * scale, end = start + scale, cell = Math.min(scale, source - start)
    const last = Math.min(Math.floor(end), source - 1), first = Math.min(Math.ceil(start), last)
    const shares: [number, number][] = []
    if (first - start > LEAST_PART) shares.push([first - 1, (first - start) / cell])
    for (let k = first; k < last; k++) shares.push([k, 1 / cell])
    if (end - last > LEAST_PART) shares.push([last, Math.min(end - last, 1, cell) / cell])
    return shares
  })
}

/** Make an image smaller by averages; as `cv2.resize(..., fx=1/scale, fy=1/scale, interpolation=cv2.INTER_AREA)`. */
export function shrink(image: Pixels, scale: number): Pixels {
  const width = roundHalfEven(image.width / scale), height = roundHalfEven(image.height / scale)
  const xs = areaShares(width, image.width, scale), ys = areaShares(height, image.height, scale)
  const data = new Uint8Array(width * height * 3)
  for (let y = 0, j = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      for (let c = 0; c < 3; c++) {
        let sum = 0
        for (const [v, b] of ys[y]) for (const [u, a] of xs[x]) sum += image.data[(v * image.width + u) * 3 + c] * a * b
        data[j++] = roundHalfEven(sum)
      }
    }
  }
  return { data, width, height }
}

/** The part of an image that the corner network sees; it may leave the image. */
export function contextWindow([x1, y1, x2, y2]: Box, context: number): Box {
  const [dx, dy] = [(x2 - x1) * context, (y2 - y1) * context]
  return [x1 - dx, y1 - dy, x2 + dx, y2 + dy]
}

/** The window scaled to the network's input; pixels beyond the image repeat its border. */
export function cornerInput(image: Pixels, window: Box, width: number, height: number): Pixels {
  const [x1, y1, x2, y2] = window
  const left = Math.max(Math.floor(x1), 0), top = Math.max(Math.floor(y1), 0)
  const right = Math.max(Math.min(Math.ceil(x2) + 1, image.width), left + 1)
  const bottom = Math.max(Math.min(Math.ceil(y2) + 1, image.height), top + 1)
  const scale = Math.max((x2 - x1) / width, (y2 - y1) / height) / SMOOTH_FROM
  const whole = crop(image, [left, top, right, bottom]), part = scale > 1 ? shrink(whole, scale) : whole
  const by = Math.max(scale, 1), fx = (x2 - x1) / by / width, fy = (y2 - y1) / by / height
  const [dx, dy] = [(x1 - left) / by, (y1 - top) / by]
  return warp(part, width, height, (x, y) => [dx + x * fx, dy + y * fy])
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
    const window = contextWindow(box, context)
    const place = { width, height, innerWidth: width, innerHeight: height, left: 0, top: 0 }
    const data = letterboxTensor(cornerInput(image, window, width, height), place, 0)
    const input = new this.runtime.Tensor('float32', data, [1, 3, height, width])
    const output = await this.session.run({ [this.session.inputNames[0]]: input })
    const shares = output[this.session.outputNames[0]].data as Float32Array
    const quad = [0, 1, 2, 3].map(i => [Math.fround(window[0] + shares[2 * i] * (window[2] - window[0])),
      Math.fround(window[1] + shares[2 * i + 1] * (window[3] - window[1]))]) as Quad
    return isConvex(quad) ? quad : boxQuad(box)
  }

  async release(): Promise<void> { await this.session.release() }
}
