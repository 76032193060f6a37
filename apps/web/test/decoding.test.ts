import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { buildAutomaton } from '../src/core/automaton'
import { iso6346, luhn, schemeOf, type Scheme } from '../src/core/check-digits'
import { Decoder, gapWidths } from '../src/core/decode'
import { packagedDecoder, priorDecoder, type DecoderParams } from '../src/core/decoder-params'
import { parseManifest } from '../src/core/manifest'
import { calibrateConfidence } from '../src/core/platt-scaling'
import type { Box, Format } from '../src/core/types'

// made by Python: alpr-nb test-vectors apps/web/test/vectors.json
const vectors = JSON.parse(readFileSync(new URL('./vectors.json', import.meta.url), 'utf8'))
const SCOPES = ['truck', 'container', 'wagon']
const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789'

function format(pattern: string, more: Partial<Format> = {}): Format {
  return { pattern, check: null, derive: false, same: [], gaps: null, prefixes: [], ...more }
}

/** The residue after all characters. */
function residueOf(code: string, scheme: Scheme): number | null {
  return [...code].reduce((residue: number | null, c, i) => (residue === null ? null : scheme(residue, c, i, code.length)), 0)
}

test('check digits', () => {
  expect(residueOf('CSQU3054383', iso6346)).toBe(0)
  expect(residueOf('CSQU3054384', iso6346)).toBeNull()
  expect(residueOf('52063410', luhn)).not.toBe(residueOf('52063411', luhn))
  expect(() => schemeOf('none')).toThrow('not one of iso6346, luhn')
})

test('calibration', () => {
  expect(calibrateConfidence(0.3, [1, 0])).toBeCloseTo(0.3, 12)
  expect(calibrateConfidence(1, [1, 0])).toBeLessThan(1)
})

describe('automaton', () => {
  /** The prior of each code. */
  function codes(fmt: Format, alphabet: string, unlisted: number): Map<string, number> {
    const layers = buildAutomaton(fmt, alphabet, unlisted), found = new Map<string, number>()
    function extend(j: number, state: number, text: string, prob: number) {
      if (j === layers.length) { found.set(text, (found.get(text) ?? 0) + prob); return }
      const { arcs, first } = layers[j]
      for (const a of arcs.slice(first[state], first[state + 1])) extend(j + 1, a.target, text + alphabet[a.char], prob * a.prob)
    }
    if (layers.length) extend(0, 0, '', 1)
    return found
  }

  test('writes the correct codes only', () => {
    const found = codes(format('NNN', { check: 'luhn' }), ALPHABET, 0)
    expect(found.size).toBe(100)
    for (const code of found.keys()) expect(residueOf(code, luhn)).toBe(0)
    expect([...found.values()].reduce((sum, p) => sum + p, 0)).toBeCloseTo(1, 12)
  })

  test('prefers listed prefixes', () => {
    const found = codes(format('LLN', { prefixes: ['AB', 'CD'] }), 'ABCD01', 0.1)
    expect(found.get('AB0')! / found.get('BB0')!).toBeGreaterThan(10)
    expect([...found.values()].reduce((sum, p) => sum + p, 0)).toBeCloseTo(1, 12)
  })

  test('is empty where the alphabet cannot write a code', () => {
    expect(buildAutomaton(format('LLN'), '0123', 0)).toEqual([])
  })
})

describe('parameters', () => {
  function expectSame(found: DecoderParams, expected: any) {
    const { formats, ...rest } = found
    for (const key of Object.keys(rest)) if (key !== 'provenance') expect((rest as any)[key]).toEqual(expected[key])
    expect(formats).toEqual(expected.formats)
  }

  // a bundle of schema 1 has no section `decoder`
  const formerScopes = SCOPES.filter(scope => packagedDecoder(vectors.manifests[scope].files['cr.onnx']))
  test.each(formerScopes)('of the released reader %s', scope => {
    const { files, decoder } = vectors.manifests[scope]
    expectSame(packagedDecoder(files['cr.onnx'])!, decoder)
  })

  test.each(SCOPES)('without samples, %s', scope => {
    const { formats, alphabet, substitutions } = vectors.manifests[scope]
    expectSame(priorDecoder(formats, alphabet, substitutions), vectors.priors[scope])
  })

  test('for a model that the package does not know', () => { expect(packagedDecoder('0')).toBeNull() })
})

describe('manifest', () => {
  const own = vectors.manifests.truck

  test('settings have the defaults of Python', () => {
    const { rectifier, ...settings } = vectors.settings
    const found = parseManifest({ ...own, reader: undefined, rectifier: {} }, own.substitutions)
    expect([found.reader, found.rectifier]).toEqual([settings, rectifier])
  })

  test('a format without parameters is an error', () => {
    const formats = { ...own.formats, other: { pattern: 'LLNNN' } }
    expect(() => parseManifest({ ...own, formats }, own.substitutions)).toThrow('lacks parameters of other')
  })

  test.each([[{}, 'formats'], [{ ...own.decoder, beside: undefined }, 'beside']])('an incomplete section is an error', (decoder, key) => {
    expect(() => parseManifest({ ...own, decoder }, own.substitutions)).toThrow(`lacks parameters of ${key}`)
  })
})

describe('decoder', () => {
  const shown = (text: string) => [...text].map(c => Float64Array.from(ALPHABET, k => (k === c ? 0.95 : 0)))
  const line = (text: string) => [[[...text].map((_, i) => i)]]
  const prefixes = ['CSQU', 'MAEU', 'MIEU', 'MSCU']
  const container = { iso6346: format('LLL[UJZ]NNNNNNN', { check: 'iso6346', derive: true, prefixes }) }
  const decoder = new Decoder(container, priorDecoder(container, ALPHABET, {}), ALPHABET)
  const decode = (text: string, orders = line(text)) => decoder.decode(shown(text), null, orders)

  test('completes a character that was not detected', () => {
    const found = decode('MEU9761299')
    expect([found.code, found.kept.slice(0, 3)]).toEqual(['MIEU9761299', [0, null, 1]])
  })

  test('leaves out other text in a line of its own', () => {
    const found = decode('CSQU305438322G1', [[[0, 1, 2, 3], [4, 5, 6, 7, 8, 9, 10], [11, 12, 13, 14]]])
    expect([found.code, found.format]).toEqual(['CSQU3054383', 'iso6346'])
  })

  test('takes the reading order with the most evidence', () => {
    const digits = [0, 1, 2, 3, 4, 5, 6], letters = [7, 8, 9, 10]
    const found = decode('3054383CSQU', [[digits, letters], [letters, digits]])
    expect([found.code, found.order.slice(0, 4)]).toEqual(['CSQU3054383', letters])
  })

  test('reads free text as it is', () => {
    expect(decode('78025617085')).toMatchObject({ code: '78025617085', format: null })
  })

  test('skips detections without any probability', () => {
    const rows = [new Float64Array(ALPHABET.length), ...shown('CSQU3054383')]
    const found = decoder.decode(rows, null, line('?CSQU3054383'))
    expect([found.code, found.kept[0]]).toEqual(['CSQU3054383', 1])
    expect(decoder.decode([rows[0]], null, [[[0]]])).toMatchObject({ code: '', confidence: 0 })
    expect(decoder.decode([], null, [])).toMatchObject({ code: '', confidence: 0 })
  })

  test('without formats every text is a code', () => {
    const any = new Decoder({}, priorDecoder({}, ALPHABET, {}), ALPHABET)
    expect(any.decode(shown('AB1'), null, line('AB1'))).toMatchObject({ code: 'AB1', format: null, confidence: 0.95 ** 3 })
  })
})

test('widths of gaps relative to the others', () => {
  const boxes = [0, 20, 40, 80, 100].map((x): Box => [x, 0, x + 10, 20])
  expect(gapWidths(boxes, [3])[0]).toBeCloseTo(Math.log(2), 12)
  expect(gapWidths(boxes.slice(0, 2), [1])).toEqual([0])
})
