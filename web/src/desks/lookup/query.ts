// What a person typed: a position, a code, or a name.
export type Query =
  | { kind: 'position'; lon: number; lat: number; swapped: boolean }
  | { kind: 'projected' }
  | { kind: 'code'; code: string }
  | { kind: 'name'; name: string }
  | { kind: 'nothing' };

const NUMBER = '[-+]?\\d+(?:\\.\\d+)?';
const PAIR = new RegExp(`^(${NUMBER})(?:\\s*[,;、\\t]\\s*|\\s+)(${NUMBER})$`);
/** Degrees, minutes and seconds with their letter, before or behind: `111°37′06.2″E`, `N26.2225`. */
const SIZE = '(\\d+(?:\\.\\d+)?)\\s*(?:[°度]\\s*(?:(\\d+(?:\\.\\d+)?)\\s*[′\'分]\\s*(?:(\\d+(?:\\.\\d+)?)\\s*(?:″|′′|"|\'\'|秒))?)?)?';
const ANGLE = new RegExp(`([NSEW])\\s*${SIZE}|${SIZE}\\s*([NSEW])`, 'g');

/** Reads a query. Degrees written latitude first are turned round where only that can be meant. */
export function parseQuery(typed: string, isProjected: boolean): Query {
  const query = typed.trim().normalize('NFKC');
  if (query === '') return { kind: 'nothing' };
  const pair = PAIR.exec(query);
  if (pair) {
    const [a, b] = [Number(pair[1]), Number(pair[2])];
    if (!isProjected && Math.max(Math.abs(a), Math.abs(b)) > 360) return { kind: 'projected' };
    const swapped = !isProjected && Math.abs(a) <= 90 && Math.abs(b) > 90;
    return { kind: 'position', lon: swapped ? b : a, lat: swapped ? a : b, swapped };
  }
  const angles = parseAngles(query.toUpperCase());
  if (angles) return { kind: 'position', ...angles, swapped: false };
  return /^[\w.-]+$/.test(query) ? { kind: 'code', code: query } : { kind: 'name', name: query };
}

/** Reads a longitude and a latitude that say by a letter which is which, in either order. */
function parseAngles(query: string): { lon: number; lat: number } | null {
  const text = query.replace('东经', 'E').replace('西经', 'W').replace('北纬', 'N').replace('南纬', 'S');
  const found: { lon?: number; lat?: number } = {};
  let rest = text;
  for (const [whole, ...parts] of text.matchAll(ANGLE)) {
    const [letter, degrees, minutes, seconds] = parts[0] ? parts : [parts[7], ...parts.slice(4)];
    const size = Number(degrees) + Number(minutes ?? 0) / 60 + Number(seconds ?? 0) / 3600;
    const signed = letter === 'S' || letter === 'W' ? -size : size;
    if (letter === 'E' || letter === 'W') found.lon = signed;
    else found.lat = signed;
    rest = rest.replace(whole, '');
  }
  if (found.lon === undefined || found.lat === undefined || !/^[\s,;]*$/.test(rest)) return null;
  return { lon: found.lon, lat: found.lat };
}
