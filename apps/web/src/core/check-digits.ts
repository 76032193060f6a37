/** Check digits of container and railway vehicle numbers, as residue automata; as alpr_nb/codes/check_digits.py. */
import { DIGITS, LETTERS } from './formats'

/** The residue after a character at a position (from 0) of a code of a length; null: no correct code goes on like this. */
export type Scheme = (residue: number, char: string, position: number, length: number) => number | null

/** Values of ISO 6346: 10 to 38 without the multiples of 11. */
const VALUES: Record<string, number> = Object.fromEntries([...DIGITS].map(d => [d, Number(d)]))
for (let value = 10, i = 0; i < LETTERS.length; value++) if (value % 11) VALUES[LETTERS[i++]] = value

/** Container numbers (ISO 6346, annex A): modulo 11. The check digit leads to 0, or to null if it is wrong. */
export const iso6346: Scheme = (residue, char, position, length) => {
  if (position === length - 1) return char === String(residue % 10) ? 0 : null
  return char in VALUES ? (residue + VALUES[char] * 2 ** position) % 11 : null
}

/** Railway vehicle numbers (Luhn's algorithm): modulo 10. A correct code ends at 0. */
export const luhn: Scheme = (residue, char, position, length) => {
  if (!DIGITS.includes(char)) return null
  const product = Number(char) * (1 + ((length - 1 - position) % 2))
  return (residue + Math.floor(product / 10) + (product % 10)) % 10
}

/** Codes without a check digit have one residue, so every code is correct. */
export const noCheck: Scheme = () => 0

const SCHEMES: Record<string, Scheme> = { iso6346, luhn }

/** The scheme of a name; null: no check digit. */
export function schemeOf(name: string | null): Scheme {
  if (name === null) return noCheck
  if (Object.hasOwn(SCHEMES, name)) return SCHEMES[name]
  throw new Error(`check digit scheme ${name} is not one of ${Object.keys(SCHEMES).join(', ')}`)
}
