/** Readings as HTML: the code, and a table with the confidence of each character. */
import type { Reading, Result } from '../core/types'

function element(tag: string, text = '', className = ''): HTMLElement {
  const e = document.createElement(tag)
  e.textContent = text
  if (className) e.className = className
  return e
}

const percent = (p: number) => `${Math.floor(100 * p)}%` // rounded down, so that 100% means certain

function table(reading: Reading): HTMLElement {
  const t = document.createElement('table'), head = t.insertRow(), body = t.insertRow()
  t.createCaption().textContent = 'Confidence of each character'
  for (const [row, label] of [[head, 'Character'], [body, 'Confidence']] as const) {
    const th = element('th', label)
    th.setAttribute('scope', 'row')
    row.append(th)
  }
  for (const c of reading.chars) {
    head.append(element('td', c.char))
    body.append(element('td', percent(c.confidence)))
  }
  const scroll = element('div', '', 'scroll')
  scroll.tabIndex = 0
  scroll.setAttribute('role', 'group')
  scroll.setAttribute('aria-label', `Characters of ${reading.code}`)
  scroll.append(t)
  return scroll
}

/** Show the readings of a photograph; null: there is none yet. */
export function showReadings(into: HTMLElement, result: Result | null): void {
  const readings = result?.readings ?? []
  into.replaceChildren(...readings.flatMap(r => [
    element('p', r.code, 'code'),
    element('p', `Confidence ${percent(r.confidence)}, format ${r.format ?? 'unknown'}.`),
    table(r),
  ]))
  if (!readings.length) into.append(element('p', result ? 'No code was found.' : 'None yet.'))
}
