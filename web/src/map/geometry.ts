import type { Geometry, Position } from 'geojson';

/** West, south, east, north. */
export type Bounds = [number, number, number, number];

export function boundsOf(geometry: Geometry): Bounds | null {
  const bounds: Bounds = [Infinity, Infinity, -Infinity, -Infinity];
  for (const [x, y] of polygonsOf(geometry).flat(2) as [number, number][]) {
    bounds[0] = Math.min(bounds[0], x);
    bounds[1] = Math.min(bounds[1], y);
    bounds[2] = Math.max(bounds[2], x);
    bounds[3] = Math.max(bounds[3], y);
  }
  return Number.isFinite(bounds[0]) ? bounds : null;
}

/** Returns a position well inside a unit: the middle of its widest stretch along one of several parallels. */
export function insideOf(geometry: Geometry): Position | null {
  const polygons = polygonsOf(geometry);
  const bounds = boundsOf(geometry);
  if (!bounds) return null;
  let best: { width: number; at: Position } | null = null;
  const rows = 15;
  for (let row = 1; row < rows; row += 1) {
    const y = bounds[1] + ((bounds[3] - bounds[1]) * row) / rows;
    const crossings = polygons.flat().flatMap((ring) => crossingsAt(ring, y)).sort((a, b) => a - b);
    for (let at = 0; at + 1 < crossings.length; at += 2) {
      const [from, to] = [crossings[at] ?? 0, crossings[at + 1] ?? 0];
      if (!best || to - from > best.width) best = { width: to - from, at: [(from + to) / 2, y] };
    }
  }
  return best?.at ?? null;
}

/** Whether a position lies in an area; on its border either may be said. */
export function contains(geometry: Geometry, [x = 0, y = 0]: Position): boolean {
  return ringsOf(geometry).flatMap((ring) => crossingsAt(ring, y)).filter((crossing) => crossing > x).length % 2 === 1;
}

/** All rings of an area, outer and inner; none of anything else. */
export function ringsOf(geometry: Geometry): Position[][] {
  return polygonsOf(geometry).flat();
}

function polygonsOf(geometry: Geometry): Position[][][] {
  if (geometry.type === 'Polygon') return [geometry.coordinates];
  return geometry.type === 'MultiPolygon' ? geometry.coordinates : [];
}

function crossingsAt(ring: Position[], y: number): number[] {
  const found: number[] = [];
  for (let at = 0; at + 1 < ring.length; at += 1) {
    const [ax, ay] = ring[at] as [number, number];
    const [bx, by] = ring[at + 1] as [number, number];
    if (ay > y !== by > y) found.push(ax + ((y - ay) / (by - ay)) * (bx - ax));
  }
  return found;
}
