/** Sums over all paths of an automaton through n detections; as `Lattice` in alpr_nb/codes/decoding.py.
 *
 * A row of sums has n + 2 entries: one for each number of detections used, 0 to n, and one for the paths that are not in
 * the crop yet. */
import type { Arc, Layer } from './automaton'
import { argmax } from './boxes'
import type { FormatParams } from './decoder-params'
import { dot, type Emissions, type Matrix } from './emissions'

const LEAST_DELETION = 1e-12 // avoids a division by zero

type Row = Float64Array

export class Lattice {
  readonly evidence: number // of the format: the sum over all paths
  private match: Matrix // (classes, n)
  private odds: number[] // for each position, factor of a character that was not detected
  private after: Row[][] // for each position and state, sums over the rest of all paths
  private width: number // entries of a row

  constructor(private layers: Layer[], private e: Emissions, private name: string, private params: FormatParams) {
    this.match = e.match[name]
    this.odds = params.deletion.map(d => 1 / (1 / Math.max(d, LEAST_DELETION) - 1))
    this.width = e.stop.length + 1
    this.after = [[Float64Array.of(...e.stop, 0)]]
    for (let j = layers.length - 1; j >= 0; j--) this.after.unshift(this.before(j, this.after[0]))
    this.evidence = this.after[0][0][this.width - 1]
  }

  /** The lattice of other paths through the same detections. */
  of(layers: Layer[]): Lattice { return new Lattice(layers, this.e, this.name, this.params) }

  /** Sums over the rest of all paths before position j, from those after it. */
  private before(j: number, rest: Row[]): Row[] {
    const { arcs, first } = this.layers[j]
    const sums = first.slice(1).map(() => new Float64Array(this.width))
    for (const { char, source, target, prob } of arcs) {
      const to = rest[target], own = sums[source], shows = this.match[char]
      for (let i = 0; i < this.width; i++) {
        const missed = (i < this.width - 1 ? this.odds[j] : 1) * to[i]
        own[i] += prob * (i < shows.length ? missed + shows[i] * to[i + 1] : missed)
      }
    }
    return sums.map(row => this.moveBack(j, row))
  }

  /** Insertions, and the crop's beginning, before position j: from sums after them to sums before them. */
  private moveBack(j: number, row: Row): Row {
    const n = this.width - 1, out = new Float64Array(this.width), { skip, start } = this.e
    for (let i = 0; i < n; i++) for (let k = i; k < n; k++) out[i] += skip[i][k] * row[k]
    for (let k = 0; k < n; k++) out[n] += this.params.cut[j] * start[k] * row[k]
    out[n] += row[n]
    return out
  }

  /** The same from sums over beginnings of paths before them to those after them. */
  private move(j: number, row: Row): Row {
    const n = this.width - 1, out = new Float64Array(this.width), { skip, start } = this.e
    for (let i = 0; i < n; i++) if (row[i]) for (let k = i; k < n; k++) out[k] += row[i] * skip[i][k]
    for (let k = 0; k < n; k++) out[k] += row[n] * this.params.cut[j] * start[k]
    out[n] += row[n]
    return out
  }

  /** Extend the beginning of a path by the character of an arc: all sums, and those where a detection shows it. */
  private step(j: number, arc: Arc, moved: Row): { all: Row; shown: Row } {
    const all = new Float64Array(this.width), shown = new Float64Array(this.width), shows = this.match[arc.char]
    for (let i = 0; i < this.width; i++) {
      if (i && i <= shows.length) shown[i] = shows[i - 1] * arc.prob * moved[i - 1]
      all[i] = (i < this.width - 1 ? this.odds[j] : 1) * arc.prob * moved[i] + shown[i]
    }
    return { all, shown }
  }

  /** Sums of the one path without a character. */
  private begin(): Row { return new Float64Array(this.width).fill(1, -1) }

  /** The codes with a sum over `least`, as classes, with their sums over all alignments. `complete`: also codes with a
   * character that was not detected. They are built character by character: no code has a larger sum than its beginning. */
  codes(least: number, complete: boolean): { classes: number[]; sum: number }[] {
    let codes: { classes: number[]; sum: number }[] = [{ classes: [], sum: this.evidence }]
    let paths = [{ code: 0, state: 0, used: this.begin() }]
    this.layers.forEach(({ arcs, first }, j) => {
      const longer = new Map<number, { classes: number[]; sum: number; paths: { state: number; used: Row }[] }>()
      for (const { code, state, used } of paths) {
        const moved = this.move(j, used)
        for (const arc of arcs.slice(first[state], first[state + 1])) {
          const number = code * this.match.length + arc.char, { all, shown } = this.step(j, arc, moved)
          if (!longer.has(number)) longer.set(number, { classes: [...codes[code].classes, arc.char], sum: 0, paths: [] })
          const own = longer.get(number)!, row = complete ? all : shown
          own.sum += dot(row, this.after[j + 1][arc.target])
          own.paths.push({ state: arc.target, used: row })
        }
      }
      const kept = [...longer].filter(([, own]) => own.sum > least).sort(([a], [b]) => a - b).map(([, own]) => own)
      codes = kept.map(({ classes, sum }) => ({ classes, sum }))
      paths = kept.flatMap((own, code) => own.paths.map(p => ({ code, ...p })))
    })
    return codes
  }

  /** Probabilities at each position, given the format: (m, classes) of the painted characters, and (m, n) of the
   * detections that show them. Forward-backward. */
  posteriors(): { chars: Matrix; shows: Matrix } {
    const chars: Matrix = [], shows: Matrix = []
    let used = [this.begin()]
    this.layers.forEach(({ arcs }, j) => {
      const moved = used.map(row => this.move(j, row)), after = this.after[j + 1]
      const next = after.map(() => new Float64Array(this.width))
      const char = new Float64Array(this.match.length), show = new Float64Array(this.width - 2)
      for (const arc of arcs) {
        const { all, shown } = this.step(j, arc, moved[arc.source]), rest = after[arc.target], to = next[arc.target]
        char[arc.char] += dot(all, rest) / this.evidence
        for (let i = 0; i < this.width; i++) to[i] += all[i]
        for (let i = 0; i < show.length; i++) show[i] += (shown[i + 1] * rest[i + 1]) / this.evidence
      }
      chars.push(char)
      shows.push(show)
      used = next
    })
    return { chars, shows }
  }

  /** The most probable detection of each character, for the automaton of one code; null: it is more probably missed. */
  alignment(): (number | null)[] {
    let free = 0 // detections from here on are not used yet
    return this.posteriors().shows.map(row => {
      const left = row.subarray(free)
      if (!(left.reduce((all, p) => all + p, 0) > 0.5)) return null
      const found = free + argmax(left)
      free = found + 1
      return found
    })
  }
}
