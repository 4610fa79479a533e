// What a person typed: a position, or a code.
export type Query = { kind: 'position'; lon: number; lat: number; swapped: boolean } | { kind: 'code'; code: string } | { kind: 'nothing' };

const NUMBER = '[-+]?\\d+(?:\\.\\d+)?';
const PAIR = new RegExp(`^(${NUMBER})(?:\\s*[,，;；、]\\s*|\\s+)(${NUMBER})$`);

/** Reads a query. Degrees written latitude first are turned round where only that can be meant. */
export function parseQuery(typed: string, isProjected: boolean): Query {
  const query = typed.trim().normalize('NFKC');
  const pair = PAIR.exec(query);
  if (pair) {
    const [a, b] = [Number(pair[1]), Number(pair[2])];
    const swapped = !isProjected && Math.abs(a) <= 90 && Math.abs(b) > 90;
    return { kind: 'position', lon: swapped ? b : a, lat: swapped ? a : b, swapped };
  }
  return /^[^\s,;]+$/.test(query) ? { kind: 'code', code: query } : { kind: 'nothing' };
}
