/** Values that pass between the modules of the reader. Boxes are [x1, y1, x2, y2] in px. */
import type { DecoderParams } from './decoder-params'

export type Box = [number, number, number, number]

/** Corners [x, y] in px, clockwise from the top left one of the code as it is read. */
export type Quad = [number, number][]

/** An image: 8-bit RGB without alpha, rows from the top. */
export interface Pixels {
  data: Uint8Array | Uint8ClampedArray
  width: number
  height: number
}

/** One detection: its box, and objectness times class probability of every class (0 to 1). */
export interface Detection {
  box: Box
  probs: Float32Array
}

export interface Char {
  char: string
  confidence: number
  box: Box
}

export interface Reading {
  code: string
  confidence: number
  raw: string
  format: string | null
  box: Box
  quad: Quad
  chars: Char[]
}

/** A box of code detection with the characters in it, and the reading if there is one. */
export interface Plate {
  box: Box
  confidence: number
  chars: Detection[]
  reading: Reading | null
}

export interface Result {
  width: number
  height: number
  readings: Reading[]
  ms: { cd: number; cr: number; total: number }
}

/** Settings of one model, see `DetectorConfig` in alpr_nb/inference/config.py. */
export interface DetectorSettings {
  size: number
  stride: number
  pad: number
  threshold: number
  iou: number
  agnostic: boolean
  max_detections: number
}

/** Settings of the reader, see `ReaderSettings` in alpr_nb/inference/config.py. */
export interface ReaderSettings {
  cd: DetectorSettings
  cr: DetectorSettings
  calibration: [number, number]
  margin: [number, number]
  margin_max_aspect: number
  retry_below: number
  retry_margin: [number, number] | null
  unclear_confidence: number
  retry_crop_size: number | null
  retry_scene_size: number | null
  min_confidence: number
  max_missing: number
  max_surplus: number
  rectify_crops: boolean
}

/** Section `rectifier` of a manifest, see `RectifierConfig` in alpr_nb/inference/rectify.py. */
export interface RectifierSettings {
  width: number
  height: number
  context: number
  aspects: number[]
}

/** How the codes of one kind are formed, see `Format` in alpr_nb/codes/formats.py. */
export interface Format {
  pattern: string
  check: string | null
  derive: boolean
  same: string[]
  gaps: number[] | null
  prefixes: string[]
}

/** The parts of manifest.json that reading needs. */
export interface Manifest {
  scope: string
  label: string
  alphabet: string
  formats: Record<string, Format>
  substitutions: Record<string, string>
  reader: ReaderSettings
  decoder: DecoderParams
  rectifier: RectifierSettings | null
  files: Record<string, string>
}
