import type { Geometry, Position } from 'geojson';
import { ringsOf } from './geometry';

const DEGREE_M = 111_320;

/** Returns the point of a border that is nearest to a position. Edges are straight in longitude and latitude; the plane is that of the position. */
export function nearestOnBorder(geometry: Geometry, from: Position): Position | null {
  const [x0, y0] = [from[0] ?? 0, from[1] ?? 0];
  const stretch = Math.cos((y0 * Math.PI) / 180);
  let best: { at: Position; distance: number } | null = null;
  for (const ring of ringsOf(geometry)) {
    for (let at = 0; at + 1 < ring.length; at += 1) {
      const [[ax = 0, ay = 0], [bx = 0, by = 0]] = [ring[at] as Position, ring[at + 1] as Position];
      const [dx, dy] = [(bx - ax) * stretch, by - ay];
      const [px, py] = [(x0 - ax) * stretch, y0 - ay];
      const length2 = dx * dx + dy * dy;
      const share = length2 === 0 ? 0 : Math.max(0, Math.min(1, (px * dx + py * dy) / length2));
      const distance = Math.hypot(px - share * dx, py - share * dy) * DEGREE_M;
      if (!best || distance < best.distance) best = { at: [ax + share * (bx - ax), ay + share * (by - ay)], distance };
    }
  }
  return best?.at ?? null;
}
