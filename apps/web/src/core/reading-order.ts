/** Sort the characters of a code into lines, and each line into reading order; as alpr_nb/core/reading_order.py. */
import type { Box } from './types'

const MAX_TILT = 30, TILT_STEP = 1.5 // degrees
const TILT_PENALTY = 1e-3 // squared heights per squared radian
const FLAT_ENOUGH = 2e-3 // squared heights; one row with a lower loss ends the search
const ROW_GAP = 0.5 // least distance between two rows, in heights of a character
const ROW_COST = 0.04 // penalty for each row after the first, in squared heights

export function median(values: number[]): number {
  const sorted = [...values].sort((a, b) => a - b), half = sorted.length >> 1
  return sorted.length % 2 ? sorted[half] : (sorted[half - 1] + sorted[half]) / 2
}

function sortBy(indices: number[], key: (i: number) => number): number[] {
  return [...indices].sort((a, b) => key(a) - key(b))
}

const TILTS = Array.from({ length: (2 * MAX_TILT) / TILT_STEP + 1 }, (_, i) => ((i * TILT_STEP - MAX_TILT) * Math.PI) / 180)
TILTS.sort((a, b) => Math.abs(a) - Math.abs(b))

/** Rows from top to bottom, each with the indices of its characters from left to right. */
export function rowsOf(boxes: Box[]): number[][] {
  if (!boxes.length) return []
  const x = boxes.map(b => (b[0] + b[2]) / 2), y = boxes.map(b => (b[1] + b[3]) / 2)
  const height = Math.max(median(boxes.map(b => b[3] - b[1])), 1e-6)
  const every = boxes.map((_, i) => i)

  let best = { loss: Infinity, tilt: 0, rows: [every] }
  for (const tilt of TILTS) {
    const across = every.map(i => (y[i] * Math.cos(tilt) - x[i] * Math.sin(tilt)) / height)
    const rows: number[][] = []
    sortBy(every, i => across[i]).forEach((i, k, order) => {
      if (k && across[i] - across[order[k - 1]] <= ROW_GAP) rows[rows.length - 1].push(i)
      else rows.push([i])
    })
    let spread = 0
    for (const row of rows) {
      const mean = row.reduce((sum, i) => sum + across[i], 0) / row.length
      spread += row.reduce((sum, i) => sum + (across[i] - mean) ** 2, 0)
    }
    const loss = spread / x.length + ROW_COST * (rows.length - 1) + TILT_PENALTY * tilt * tilt
    if (loss < best.loss) best = { loss, tilt, rows }
    if (rows.length === 1 && loss < FLAT_ENOUGH) break
  }
  const { tilt, rows } = best
  return rows.map(row => sortBy(row, i => x[i] * Math.cos(tilt) + y[i] * Math.sin(tilt)))
}

/** Possible orders of reading, the one with the longest line first: by rows and, if there are more than two, by columns. */
export function readingOrders(boxes: Box[]): number[][][] {
  const longest = (lines: number[][]) => Math.max(...lines.map(l => l.length))
  const rows = rowsOf(boxes)
  const columns = rows.length > 2 ? rowsOf(boxes.map(([x1, y1, x2, y2]) => [y1, x1, y2, x2])) : []
  return [rows, columns].filter(lines => lines.length).sort((a, b) => longest(b) - longest(a))
}
