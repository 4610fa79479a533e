// The order in which cases are walked to: late ones first, then the others, each block along a short way.
import type { Position } from 'geojson';
import { distanceM } from '../../map/distance';

type Place = { lon: number; lat: number };

/** What is walked to. */
interface Stop {
  position: Place;
  overdue: boolean;
}

/** Puts cases in walking order from where one is, else from the first. Distances are straight lines, not streets. */
export function inWalkingOrder<S extends Stop>(cases: readonly S[], from: Position | null): (S & { leg_m: number | null })[] {
  const start: Place | null = from ? { lon: from[0] ?? 0, lat: from[1] ?? 0 } : null;
  const late = walk(cases.filter((one) => one.overdue), start);
  const rest = walk(cases.filter((one) => !one.overdue), late.at(-1)?.position ?? start);
  let before = start;
  return [...late, ...rest].map((one) => {
    const leg_m = before ? distanceM(before, one.position) : null;
    before = one.position;
    return { ...one, leg_m };
  });
}

/** The nearest next one each time, and then stretches turned round as long as that makes the way shorter (2-opt). */
function walk<S extends Stop>(cases: readonly S[], start: Place | null): S[] {
  const left = [...cases];
  const way: S[] = [];
  let here = start ?? left[0]?.position;
  while (left.length > 0 && here) {
    const at: Place = here;
    const next = left.reduce((best, one, index) => (distanceM(at, one.position) < distanceM(at, (left[best] as S).position) ? index : best), 0);
    const [one] = left.splice(next, 1) as [S];
    way.push(one);
    here = one.position;
  }
  for (let isShorter = true; isShorter; ) {
    isShorter = false;
    for (let from = 0; from + 1 < way.length; from += 1) {
      for (let to = from + 1; to < way.length; to += 1) {
        const before = from === 0 ? start : (way[from - 1] as S).position;
        const [first, last, after] = [(way[from] as S).position, (way[to] as S).position, way[to + 1]?.position];
        const now = (before ? distanceM(before, first) : 0) + (after ? distanceM(last, after) : 0);
        const then = (before ? distanceM(before, last) : 0) + (after ? distanceM(first, after) : 0);
        if (then < now - 0.01) {
          way.splice(from, to - from + 1, ...way.slice(from, to + 1).reverse());
          isShorter = true;
        }
      }
    }
  }
  return way;
}
