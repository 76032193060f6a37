/** Reads images in a worker, so that the page stays responsive. */
import * as ort from 'onnxruntime-web/wasm'
import { loadBundle } from '../core/manifest'
import { Reader } from '../core/reader'
import type { Pixels, Result } from '../core/types'

export type Request = { id: number; base: string; scope: string; image?: Pixels; crop?: boolean }
export type Answer = { id: number; result?: Result; error?: string }

const CACHE = 'alpr-nb-bundles' // models stay here for use without a network
const readers = new Map<string, Promise<Reader>>()

/** A file from the network, or from the cache where the network fails. */
async function fetchCached(url: string): Promise<Uint8Array> {
  const cache = await globalThis.caches?.open(CACHE).catch(() => undefined)
  const stored = () => cache?.match(url)
  let response: Response | undefined
  try {
    response = await fetch(url)
    if (response.ok) await cache?.put(url, response.clone())
    else response = await stored()
  } catch { response = await stored() }
  if (!response) throw new Error(`The reader could not be loaded: ${url.split('/').slice(-2).join('/')} is not there.`)
  return new Uint8Array(await response.arrayBuffer())
}

async function open(base: string, scope: string): Promise<Reader> {
  ort.env.wasm.numThreads = 1 // more threads need headers of the server that a static site does not send
  return Reader.create(ort, await loadBundle(name => fetchCached(`${base}bundles/${scope}/${name}`)))
}

function reader(base: string, scope: string): Promise<Reader> {
  const known = readers.get(scope)
  if (known) return known
  const opening = open(base, scope)
  readers.set(scope, opening)
  opening.catch(() => readers.delete(scope)) // so that the next request tries again
  return opening
}

let last: Promise<void> = Promise.resolve()

async function answer({ id, base, scope, image, crop }: Request): Promise<void> {
  try {
    const own = await reader(base, scope)
    postMessage({ id, result: image && await own.read(image, crop) } satisfies Answer)
  } catch (error) { postMessage({ id, error: (error as Error).message } satisfies Answer) }
}

// one after another: a session of ONNX Runtime Web runs one inference at a time
onmessage = (event: MessageEvent<Request>) => { last = last.then(() => answer(event.data)) }
