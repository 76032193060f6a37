/** The patterns of codes and their check digits; as alpr_nb/codes/formats.py and check_digits.py. */

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

/** Values of ISO 6346: 10 to 38 without the multiples of 11. */
const VALUES: Record<string, number> = Object.fromEntries([...DIGITS].map(d => [d, Number(d)]))
for (let value = 10, i = 0; i < LETTERS.length; value++) if (value % 11) VALUES[LETTERS[i++]] = value

function iso6346(code: string): string {
  return String(([...code].reduce((sum, c, i) => sum + VALUES[c] * 2 ** i, 0) % 11) % 10)
}

function luhn(digits: string): string {
  const products = [...digits].reverse().map((d, i) => Number(d) * (2 - (i % 2)))
  return String((10 - (products.reduce((sum, p) => sum + Math.floor(p / 10) + (p % 10), 0) % 10)) % 10)
}

const CHECKS: Record<string, (code: string) => string> = { iso6346, luhn }

/** Whether the check digit of a code is right; true without a scheme. */
export function checkHolds(code: string, scheme: string | null): boolean {
  if (!scheme) return true
  if (!(scheme in CHECKS)) throw new Error(`check digit scheme ${scheme} is not one of ${Object.keys(CHECKS)}`)
  const known = scheme === 'luhn' ? /^\d+$/ : /^[A-Z\d]+$/
  return code.length > 1 && known.test(code) && CHECKS[scheme](code.slice(0, -1)) === code.slice(-1)
}

/** Substitutions in both directions; a digit becomes the first letter that maps to it. */
export function lookAlikes(substitutions: Record<string, string>): Map<string, string> {
  const both = new Map(Object.entries(substitutions))
  for (const [letter, digit] of Object.entries(substitutions)) if (!both.has(digit)) both.set(digit, letter)
  return both
}
