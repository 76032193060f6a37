/** Parameters of decoding: those of the manifest, those that come with the package, or the prior without samples. */
import packaged from '../../../../alpr_nb/bundles/decoders.json'
import { lookAlikes, parsePattern } from './formats'
import type { Calibration } from './platt-scaling'
import type { Format } from './types'

/** Parameters of one format of m positions, see `FormatParams` in alpr_nb/codes/decoding.py. */
export interface FormatParams {
  prior: number // probability that a crop shows a code of this format
  confusion: Record<string, Record<string, number>> // painted -> shown -> probability; the rest of a row is spread evenly
  deletion: number[] // (m) probability that a character in the crop is not detected
  cut: number[] // (m) probability that this number of first characters is outside of the crop
  unlisted: number // probability that a code begins with none of the prefixes
  spacing: Record<string, [middle: number, scale: number]> // gap -> logarithm of its relative width
}

/** Section `decoder` of a manifest, see `DecoderParams` in alpr_nb/codes/decoding.py. */
export interface DecoderParams {
  formats: Record<string, FormatParams>
  insertion: Record<string, number> // shown character -> probability, in a detection that is no character
  presence: Calibration // confidence -> probability of being a character
  beside: number // probability of a line of other text before the code, and after it
  other: number // probability that a crop shows no code
  other_right: number // probability that a reading without a format is right
  calibration: Calibration // posterior -> probability that the code is right
  ceiling: number // highest confidence that the number of validation samples supports
}

type Optional<T, K extends keyof T> = Omit<T, K> & Partial<Pick<T, K>>

/** The section as it may be written. */
type Section = Optional<Omit<DecoderParams, 'formats'>, 'presence' | 'calibration' | 'ceiling'>
  & { formats: Record<string, Optional<FormatParams, 'unlisted' | 'spacing'>> }

/** The section with the values that it may leave out. */
export function decoderParams(section: Section): DecoderParams {
  const formats = Object.entries(section.formats).map(([name, f]): [string, FormatParams] =>
    [name, { ...f, unlisted: f.unlisted ?? 0, spacing: f.spacing ?? {} }])
  const { presence = [1, 0], calibration = [1, 0], ceiling = 1 } = section
  return { ...section, presence, calibration, ceiling, formats: Object.fromEntries(formats) }
}

/** Parameters for a released bundle of schema 1, by the sha256 of its `cr.onnx`; null: there are none for this model. */
export function packagedDecoder(crHash: string | undefined): DecoderParams | null {
  const all = Object.values(packaged as unknown as Record<string, Section & { provenance: { models: { cr: string } } }>)
  const found = all.find(d => d.provenance.models.cr === crHash)
  return found ? decoderParams(found) : null
}

const PRIOR_RATE = 0.01 // rate of every kind of error before any sample: one in a hundred
const KEPT = 5e-4 // smaller probabilities of a confusion matrix are stored as one rest, which is spread evenly
const round6 = (v: number) => Math.round(v * 1e6) / 1e6

/** The characters that may be shown for a painted one: half of the errors show a look-alike, the others any character. */
function confusionPrior(painted: string, alphabet: string, alike: Map<string, string>): Record<string, number> {
  const others = [...alphabet].filter(c => c !== painted)
  const known = others.filter(shown => alike.get(shown) === painted), near = known.length ? known : others
  const share = (shown: string) => ((near.includes(shown) ? 1 / near.length : 0) + 1 / others.length) / 2
  const probability = (shown: string) => (shown === painted ? 1 - PRIOR_RATE : PRIOR_RATE * share(shown))
  return Object.fromEntries([...alphabet].filter(c => probability(c) >= KEPT).map(c => [c, round6(probability(c))]))
}

/** Parameters without any sample; as `fit_decoder([], ...)` in alpr_nb/codes/decoder_fit.py. */
export function priorDecoder(
  formats: Record<string, Format>, alphabet: string, substitutions: Record<string, string>,
): DecoderParams {
  const alike = lookAlikes(substitutions), names = Object.keys(formats)
  const confusion = Object.fromEntries([...alphabet].map(c => [c, confusionPrior(c, alphabet, alike)]))
  const own = names.map((name): [string, FormatParams] => {
    const m = parsePattern(formats[name].pattern).length, cut = PRIOR_RATE / Math.max(m - 1, 1)
    return [name, {
      prior: round6((1 - PRIOR_RATE) / names.length), confusion, deletion: Array(m).fill(PRIOR_RATE),
      cut: [round6(1 - cut * (m - 1)), ...Array(m - 1).fill(round6(cut))], unlisted: PRIOR_RATE, spacing: {},
    }]
  })
  return decoderParams({
    formats: Object.fromEntries(own), insertion: Object.fromEntries([...alphabet].map(c => [c, round6(1 / alphabet.length)])),
    beside: PRIOR_RATE, other: PRIOR_RATE, other_right: 0.5,
  })
}
