/** The page: choose a photograph, and see its codes. */
import './style.css'
import { draw, loadPhoto, type Photo } from './photo'
import { ReaderClient, unsupported } from './reader-client'
import { showReadings } from './readings'
import { asJson } from '../core/json'

const get = <T extends HTMLElement>(id: string) => document.getElementById(id) as T
const scope = get<HTMLSelectElement>('scope'), crop = get<HTMLInputElement>('crop'), view = get<HTMLCanvasElement>('view')
const status = get('status'), readings = get('readings'), drop = get('drop')

function say(text: string, isError = false): void {
  status.textContent = text
  status.className = isError ? 'error' : ''
}

function start(): void {
  const client = new ReaderClient()
  let photo: Photo | null = null, latest = 0

  /** Show the present photograph without readings, or the place to drop one. */
  function reset(): void {
    if (photo) draw(view, photo, null)
    view.hidden = !photo
    drop.hidden = !!photo
    showReadings(readings, null)
  }

  /** Read the present photograph; a newer request makes an older answer obsolete. */
  async function read(): Promise<void> {
    const own = ++latest
    try {
      if (!photo) {
        say('Loading the reader …')
        await client.load(scope.value)
        if (own === latest) say('Ready.')
        return
      }
      say('Reading …')
      reset()
      const result = await client.read(scope.value, photo.pixels, crop.checked)
      if (own !== latest) return
      draw(view, photo, result)
      showReadings(readings, result)
      const n = result.readings.length
      say(`${n} ${n === 1 ? 'code' : 'codes'} in ${Math.round(result.ms.total)} ms.`)
    } catch (error) { if (own === latest) say((error as Error).message, true) }
  }

  async function open(file: File): Promise<void> {
    try { photo = await loadPhoto(file, file.name) } catch (error) {
      latest++ // an answer for the former photograph is obsolete
      photo = null
      reset()
      say((error as Error).message, true)
      return
    }
    await read()
  }

  for (const id of ['file', 'camera']) {
    get<HTMLInputElement>(id).addEventListener('change', event => {
      const input = event.target as HTMLInputElement
      if (input.files?.[0]) void open(input.files[0])
      input.value = '' // so that the same file can be chosen again
    })
  }
  scope.addEventListener('change', () => void read())
  crop.addEventListener('change', () => void read())
  const main = document.querySelector('main')!
  document.addEventListener('dragover', event => { event.preventDefault(); main.classList.add('dropping') })
  document.addEventListener('dragleave', () => main.classList.remove('dropping'))
  document.addEventListener('drop', event => {
    event.preventDefault()
    main.classList.remove('dropping')
    const file = event.dataTransfer?.files[0]
    if (file) void open(file)
  })

  // for programs that read many images with this page, such as the parity test: as `alpr-nb read --json`
  Object.assign(window, {
    alprRead: async (url: string, name: string, kind: string, onlyCode: boolean) => {
      const { pixels } = await loadPhoto(await (await fetch(url)).blob(), name)
      return asJson(name, await client.read(kind, pixels, onlyCode), 0)
    },
  })
  void read()
}

const problem = unsupported()
if (problem) say(problem, true)
else start()
if ('serviceWorker' in navigator && import.meta.env.PROD && location.protocol.startsWith('http')) {
  void navigator.serviceWorker.register('sw.js')
}
