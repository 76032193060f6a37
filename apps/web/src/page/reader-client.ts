/** Sends images to the worker and waits for the results. */
import type { Pixels, Result } from '../core/types'
import type { Answer, Request } from './worker'

/** The smallest WebAssembly module with a SIMD instruction; a browser without SIMD refuses it. */
const SIMD = new Uint8Array([0, 97, 115, 109, 1, 0, 0, 0, 1, 5, 1, 96, 0, 1, 123, 3, 2, 1, 0, 10, 10, 1, 8, 0, 65, 0, 253, 15, 253, 98, 11])

/** Why this browser cannot read, or null. */
export function unsupported(): string | null {
  if (typeof WebAssembly === 'undefined') return 'This browser has no WebAssembly, which the reader needs. A browser of 2023 or later has it.'
  if (!WebAssembly.validate(SIMD)) return 'This browser has no WebAssembly SIMD, which the reader needs. A browser of 2023 or later has it.'
  return null
}

export class ReaderClient {
  private worker = new Worker(new URL('./worker.ts', import.meta.url), { type: 'module' })
  private waiting = new Map<number, { resolve: (r: Result | undefined) => void; reject: (e: Error) => void }>()
  private count = 0
  private base = new URL('./', location.href).href

  constructor() {
    this.worker.onmessage = ({ data }: MessageEvent<Answer>) => {
      const own = this.waiting.get(data.id)
      this.waiting.delete(data.id)
      if (data.error !== undefined) own?.reject(new Error(data.error))
      else own?.resolve(data.result)
    }
    this.worker.onerror = event => {
      for (const { reject } of this.waiting.values()) reject(new Error(`The reader stopped: ${event.message || 'unknown reason'}.`))
      this.waiting.clear()
    }
  }

  private send(request: Omit<Request, 'id' | 'base'>): Promise<Result | undefined> {
    const id = this.count++
    return new Promise((resolve, reject) => {
      this.waiting.set(id, { resolve, reject })
      this.worker.postMessage({ id, base: this.base, ...request } satisfies Request)
    })
  }

  /** Load the reader of a scope. */
  async load(scope: string): Promise<void> { await this.send({ scope }) }

  async read(scope: string, image: Pixels, crop: boolean): Promise<Result> { return (await this.send({ scope, image, crop }))! }
}
