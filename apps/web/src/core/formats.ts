/** The patterns of codes; as alpr_nb/codes/formats.py and substitutions.py. */

export const LETTERS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ', DIGITS = '0123456789'

/** The characters that a pattern allows at each position: `L` letter, `N` digit, `[UJZ]` or `[A-F]` set, others literal. */
export function parsePattern(pattern: string): string[] {
  return [...pattern.matchAll(/\[([^[\]]+)\]|([^[\]])/g)].map(m => {
    if (m[2] !== undefined) return m[2] === 'L' ? LETTERS : m[2] === 'N' ? DIGITS : m[2]
    return m[1].replace(/(.)-(.)/g, (_, a: string, b: string) => {
      let all = ''
      for (let c = a.charCodeAt(0); c <= b.charCodeAt(0); c++) all += String.fromCharCode(c)
      return all
    })
  })
}

/** Substitutions in both directions; a digit becomes the first letter that maps to it. */
export function lookAlikes(substitutions: Record<string, string>): Map<string, string> {
  const both = new Map(Object.entries(substitutions))
  for (const [letter, digit] of Object.entries(substitutions)) if (!both.has(digit)) both.set(digit, letter)
  return both
}
