/** A photograph: from a file to pixels, and onto the canvas with its readings. */
import { dropAlpha } from '../core/image'
import type { Pixels, Result } from '../core/types'

const MAX_PIXELS = 50_000_000 // width times height; a larger canvas fails on phones

export interface Photo {
  bitmap: ImageBitmap
  pixels: Pixels
}

/** Upright pixels of an image file; throws a sentence for the person. */
export async function loadPhoto(file: Blob, name: string): Promise<Photo> {
  const bitmap = await createImageBitmap(file, { imageOrientation: 'from-image', colorSpaceConversion: 'none' }).catch(() => {
    throw new Error(`${name}: this is not an image that the browser can open.`)
  })
  const { width, height } = bitmap
  if (width * height > MAX_PIXELS) throw new Error(`${name}: ${width} x ${height} pixels are too many; at most 50 megapixels are read.`)
  const canvas = document.createElement('canvas')
  Object.assign(canvas, { width, height })
  const context = canvas.getContext('2d', { willReadFrequently: true })!
  context.drawImage(bitmap, 0, 0)
  return { bitmap, pixels: dropAlpha(context.getImageData(0, 0, width, height).data, width, height) }
}

/** Draw a photograph and the quads of its readings. */
export function draw(canvas: HTMLCanvasElement, { bitmap }: Photo, result: Result | null): void {
  Object.assign(canvas, { width: bitmap.width, height: bitmap.height })
  const context = canvas.getContext('2d')!
  context.drawImage(bitmap, 0, 0)
  const width = Math.max(2, Math.max(bitmap.width, bitmap.height) / 250)
  for (const reading of result?.readings ?? []) {
    context.beginPath()
    reading.quad.forEach(([x, y], i) => (i ? context.lineTo(x, y) : context.moveTo(x, y)))
    context.closePath()
    for (const [colour, line] of [['#000', 2 * width], ['#ffd60a', width]] as const) {
      context.strokeStyle = colour
      context.lineWidth = line
      context.stroke()
    }
  }
  const codes = result?.readings.map(r => r.code).join(', ')
  canvas.setAttribute('aria-label', result ? `The photograph with ${codes ? `the codes ${codes}` : 'no code found'}` : 'The photograph')
}
