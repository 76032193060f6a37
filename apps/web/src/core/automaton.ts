/** All correct codes of a format as paths through states, with a probability for each code; as alpr_nb/codes/automaton.py. */
import { schemeOf } from './check-digits'
import { parsePattern } from './formats'
import type { Format } from './types'

export interface Arc {
  char: number // class of the painted character
  source: number // state before the position
  target: number // state after the position
  prob: number // prior probability of the arc among those of its source
}

/** The arcs at one position, sorted by source. `first`: index of the first arc of each state, then the number of arcs. */
export interface Layer {
  arcs: Arc[]
  first: number[]
}

/** `text`: the beginning of a listed prefix; null: after it, or in a code that begins with none. */
interface State {
  residue: number
  text: string | null
}

interface Step {
  from: State
  char: number
  to: State
  prob: number
}

const keyOf = ({ residue, text }: State) => `${residue} ${text ?? '~'}`
const TEXT_LAST = '~' // sorts after every character of a code

function compareSteps(a: Step, b: Step): number {
  const [s, t] = [a.from.text || TEXT_LAST, b.from.text || TEXT_LAST]
  return a.from.residue - b.from.residue || (s < t ? -1 : s > t ? 1 : a.char - b.char)
}

function counts(texts: string[]): (text: string) => number {
  const found = new Map<string, number>()
  for (const t of texts) found.set(t, (found.get(t) ?? 0) + 1)
  return text => found.get(text) ?? 0
}

/** Every correct code of a format as a path of arcs from state 0 to state 0; [] if the alphabet cannot write a code.
 * The product of the arcs is the prior of the code. `unlisted`: probability that it begins with none of the prefixes. */
export function buildAutomaton(fmt: Format, alphabet: string, unlisted: number): Layer[] {
  const allowed = parsePattern(fmt.pattern), scheme = schemeOf(fmt.check), steps: Step[][] = []
  const begun = counts(fmt.prefixes.flatMap(p => Array.from({ length: p.length + 1 }, (_, i) => p.slice(0, i))))
  const listed = counts(fmt.prefixes)
  let states: State[] = [{ residue: 0, text: fmt.prefixes.length ? '' : null }]
  allowed.forEach((chars, j) => {
    // without a listed prefix: the characters of the list at this position, each counted once more
    const free = [...alphabet].filter(c => chars.includes(c))
      .map((c): [string, number] => [c, 1 + fmt.prefixes.filter(p => p[j] === c).length])
    const total = free.reduce((sum, [, n]) => sum + n, 0)
    const own: Step[] = [], next = new Map<string, State>()
    for (const from of states) {
      for (const [c, n] of free) {
        const residue = scheme(from.residue, c, j, allowed.length)
        if (residue === null) continue
        let options: [string | null, number][] = [[null, n / total]]
        if (from.text !== null) { // the prefix ends with this character, goes on, or is not listed
          const text = from.text + c, share = (from.text ? 1 : 1 - unlisted) / begun(from.text)
          const ends = listed(text) * share + (from.text ? 0 : unlisted * n / total)
          options = [[null, ends], [text, (begun(text) - listed(text)) * share]]
        }
        for (const [text, prob] of options) {
          if (!prob) continue
          const to = { residue, text }
          own.push({ from, char: alphabet.indexOf(c), to, prob })
          next.set(keyOf(to), to)
        }
      }
    }
    steps.push(own)
    states = [...next.values()]
  })
  return numbered(steps)
}

/** Number the states of each position, and drop the arcs that lead to no correct code. */
function numbered(steps: Step[][]): Layer[] {
  const layers: Layer[] = []
  let number = new Map([[keyOf({ residue: 0, text: null }), 0]])
  for (const every of steps.toReversed()) {
    const found = every.filter(s => number.has(keyOf(s.to))).sort(compareSteps)
    if (!found.length) return []
    const own = new Map<string, number>(), first: number[] = [], total: number[] = []
    const arcs = found.map(({ from, char, to, prob }, i): Arc => {
      const key = keyOf(from)
      if (!own.has(key)) { own.set(key, own.size); first.push(i); total.push(0) }
      total[own.get(key)!] += prob
      return { char, source: own.get(key)!, target: number.get(keyOf(to))!, prob }
    })
    for (const arc of arcs) arc.prob /= total[arc.source]
    layers.unshift({ arcs, first: [...first, arcs.length] })
    number = own
  }
  return layers
}

/** The automaton of one code, given by the classes of its characters: a single path. */
export function codeLayers(classes: number[]): Layer[] {
  return classes.map(char => ({ arcs: [{ char, source: 0, target: 0, prob: 1 }], first: [0, 1] }))
}
