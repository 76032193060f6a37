/** A YOLOv5 model in ONNX Runtime: detections in px of the image. */
import type { InferenceSession, Tensor, TypedTensor } from 'onnxruntime-web/wasm'
import { argmax, nms, score } from './boxes'
import { letterboxTensor, planLetterbox, toImage } from './image'
import type { Detection, DetectorSettings, Pixels } from './types'

const MAX_CANDIDATES = 1000 // boxes that NMS compares, the most confident ones

/** The part of onnxruntime-web that is used, so that the page, Node and tests can each pass their own. */
export interface Runtime {
  InferenceSession: { create(model: Uint8Array, options?: InferenceSession.SessionOptions): Promise<InferenceSession> }
  Tensor: new (type: 'float32', data: Float32Array, dims: readonly number[]) => TypedTensor<'float32'>
}

/** Detections in the raw output of one image: (anchors, 5 + classes) as centre, size, objectness, class probabilities. */
export function postprocess(rows: Float32Array, width: number, cfg: DetectorSettings): Detection[] {
  const found: Detection[] = []
  for (let at = 0; at + width <= rows.length; at += width) {
    const objectness = rows[at + 4]
    if (objectness < cfg.threshold) continue
    const probs = rows.slice(at + 5, at + width).map(p => p * objectness)
    if (probs[argmax(probs)] < cfg.threshold) continue
    const [cx, cy, hw, hh] = [rows[at], rows[at + 1], rows[at + 2] / 2, rows[at + 3] / 2]
    found.push({ box: [cx - hw, cy - hh, cx + hw, cy + hh], probs })
  }
  found.sort((a, b) => score(b) - score(a))
  return nms(found.slice(0, MAX_CANDIDATES), cfg.iou, cfg.agnostic).slice(0, cfg.max_detections)
}

/** Detections in the output of a graph that has NMS inside: rows of image index, x1, y1, x2, y2, class probabilities. */
export function selected(rows: Float32Array, width: number, cfg: DetectorSettings): Detection[] {
  const found: Detection[] = []
  for (let at = 0; at + width <= rows.length; at += width) {
    found.push({ box: [rows[at + 1], rows[at + 2], rows[at + 3], rows[at + 4]], probs: rows.slice(at + 5, at + width) })
  }
  return found.sort((a, b) => score(b) - score(a)).slice(0, cfg.max_detections)
}

export class Detector {
  private constructor(private runtime: Runtime, private session: InferenceSession, private cfg: DetectorSettings) {}

  static async create(runtime: Runtime, model: Uint8Array, cfg: DetectorSettings): Promise<Detector> {
    return new Detector(runtime, await runtime.InferenceSession.create(model), cfg)
  }

  /** Detections in one image; `size` is the longer side of the input in px. */
  async detect(image: Pixels, size: number = this.cfg.size): Promise<Detection[]> {
    const place = planLetterbox(image.width, image.height, size, this.cfg.stride)
    const data = letterboxTensor(image, place, this.cfg.pad)
    const input = new this.runtime.Tensor('float32', data, [1, 3, place.height, place.width])
    const name = this.session.outputNames[0]
    const output: Tensor = (await this.session.run({ [this.session.inputNames[0]]: input }))[name]
    const width = output.dims[output.dims.length - 1]
    const find = name === 'detections' ? selected : postprocess
    const found = find(output.data as Float32Array, width, this.cfg)
    return found.map(d => toImage(d, place, image.width, image.height))
  }

  async release(): Promise<void> { await this.session.release() }
}
