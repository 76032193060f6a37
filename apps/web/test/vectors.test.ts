import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { Decoder } from '../src/core/decode'
import { postprocess } from '../src/core/detector'
import { planLetterbox, resize, stretchContrast } from '../src/core/image'
import { parseManifest } from '../src/core/manifest'
import { readingOf } from '../src/core/reading'
import { readingOrders } from '../src/core/reading-order'
import { boxQuad, contextWindow, cornerInput, homography, isConvex, rankedAspects, skew, uprightCrop, uprightSize } from '../src/core/rectify'
import type { Box, Detection, Pixels } from '../src/core/types'

// made by Python: alpr-nb test-vectors apps/web/test/vectors.json
const vectors = JSON.parse(readFileSync(new URL('./vectors.json', import.meta.url), 'utf8'))
const parsed = (change: object) => Object.fromEntries(Object.entries<any>(vectors.manifests).map(([scope, m]) =>
  [scope, parseManifest({ ...m, ...change }, m.substitutions)]))
const fitted = parsed({}), prior = parsed({ decoder: null, files: {} })

describe('readings', () => {
  test.each(vectors.readings.map((v: any, i: number) => [i, v]) as [number, any][])('%i', (_, v: any) => {
    const manifest = (v.fitted ? fitted : prior)[v.scope]
    const found: Detection[] = v.boxes.map((box: Box, i: number) => (
      { box: box.map(Math.fround), probs: Float32Array.from(manifest.alphabet, c => v.probs[i][c] ?? 0) }))
    const boxes = found.map(d => d.box), orders = readingOrders(boxes)
    expect(orders).toEqual(v.orders)
    const decoder = new Decoder(manifest.formats, manifest.decoder, manifest.alphabet)
    const { confidence, confidences, ...decoded } = decoder.decode(found.map(d => d.probs), boxes, orders)
    const { confidence: expected, confidences: each, ...rest } = v.decoded
    expect(decoded).toEqual(rest)
    expect(Math.abs(confidence - expected)).toBeLessThan(1e-6)
    confidences.forEach((p, i) => expect(Math.abs(p - each[i])).toBeLessThan(1e-6))
    const reading = readingOf({ confidence, confidences, ...decoded }, found, v.box, manifest)
    expect(reading && reading.chars.map(c => c.char).join('')).toBe(v.reading)
  })
})

test.each(vectors.letterboxes.map((v: any) => [v]) as [any][])('letterbox %j', (v: any) => {
  const place = planLetterbox(v.image[0], v.image[1], v.size, 32)
  expect(place).toEqual({
    height: v.shape[0], width: v.shape[1], innerHeight: v.inner[0], innerWidth: v.inner[1], top: v.top, left: v.left,
  })
})

test('resize gives the pixels of OpenCV', () => {
  const { width, height, pixels, to, expected } = vectors.resize
  const found = resize({ data: Buffer.from(pixels, 'base64'), width, height }, to[0], to[1])
  const target = Buffer.from(expected, 'base64')
  const off = target.map((v, i) => Math.abs(v - found.data[i]))
  expect(Math.max(...off)).toBeLessThanOrEqual(1)
  expect(off.filter(v => v).length / off.length).toBeLessThan(0.01)
})

test.each(vectors.stretched as any[])('a dim image %# with more contrast', ({ pixels, expected }) => {
  const { width, height } = vectors.resize
  const found = stretchContrast({ data: Buffer.from(pixels, 'base64'), width, height })!
  expect(Buffer.from(found.data)).toEqual(Buffer.from(expected, 'base64'))
  expect(stretchContrast(found)).toBeNull()
})

test('NMS keeps the boxes of Python', () => {
  const cfg = { size: 512, stride: 32, pad: 114, threshold: 0.25, iou: 0.45, agnostic: true, max_detections: 100 }
  const found = postprocess(Float32Array.from(vectors.nms.rows.flat()), 8, cfg)
  expect(found.length).toBe(vectors.nms.kept.length)
  found.forEach((d, i) => d.box.forEach((v, k) => expect(v).toBeCloseTo(vectors.nms.kept[i][k], 2)))
})

describe('rectification', () => {
  const { width, height, pixels } = vectors.rectify.image
  const image = { data: Buffer.from(pixels, 'base64'), width, height }

  function expectPixels(found: Pixels, expected: string) {
    const target = Buffer.from(expected, 'base64')
    expect(found.data.length).toBe(target.length)
    const off = target.map((v, i) => Math.abs(v - found.data[i]))
    expect(Math.max(...off)).toBeLessThanOrEqual(1)
    expect(off.filter(v => v).length / off.length).toBeLessThan(0.01)
  }

  test.each(vectors.rectify.crops.map((v: any) => [v.quad, v]) as [any, any][])('upright crop of %j', (quad, v) => {
    const [w, h] = uprightSize(quad, v.aspects), [dx, dy] = [v.margin[0] * w, v.margin[1] * h]
    const matrix = homography(boxQuad([dx, dy, dx + w, dy + h]), quad)
    matrix.forEach((m, k) => expect(m).toBeCloseTo(v.matrix[k], 4))
    const upright = uprightCrop(image, quad, v.margin, v.aspects)
    expect([upright.image.width, upright.image.height]).toEqual(v.size)
    expectPixels(upright.image, v.expected)
  })

  test.each(vectors.rectify.inputs.map((v: any) => [v.box, v.size, v]) as [any, any, any][])('window of %j as %j px', (box, size, v) => {
    const window = contextWindow(box, vectors.rectify.context)
    window.forEach((at, k) => expect(at).toBeCloseTo(v.window[k], 6))
    expectPixels(cornerInput(image, window, size[0], size[1]), v.expected)
  })

  test.each(vectors.rectify.quads.map((v: any) => [v.quad, v]) as [any, any][])('shape of %j', (quad, v) => {
    expect(isConvex(quad)).toBe(v.convex)
    expect(skew(quad)).toBeCloseTo(v.skew, 3)
    expect(rankedAspects(quad, v.aspects)).toEqual(v.ranked)
  })
})
