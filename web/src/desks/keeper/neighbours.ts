// What lies along a border, on which side, and for how long. Neighbours share their vertices, so common edges are found by comparing them.
import type { Feature, Position } from 'geojson';
import { ringsOf } from '../../map/geometry';
import { WINDS, type Wind, wind } from './wind';

export interface Neighbour {
  code: string;
  name: string;
  border_m: number;
  direction: Wind;
  /** Who answers there, where the key shows it. */
  holder?: { id: string; name: string; phone: string } | null;
}

const DEGREE_M = 111_320;

/** Returns the neighbours that have a border in common, from the north clockwise; those that only touch in a corner are left out. */
export function neighboursOf(own: Feature, others: Feature[]): Neighbour[] {
  const edges = new Map<string, { length: number; middle: Position }>();
  for (const ring of ringsOf(own.geometry)) for (const edge of edgesOf(ring)) edges.set(edge.key, edge);
  const middle = middleOf(ringsOf(own.geometry).flat());
  const found = others.flatMap(({ geometry, properties }) => {
    const common = ringsOf(geometry).flatMap(edgesOf).flatMap(({ key }) => edges.get(key) ?? []);
    const border_m = common.reduce((sum, { length }) => sum + length, 0);
    if (border_m === 0) return [];
    // The side is that of the common border, weighed by its length.
    const side = common.reduce(([x = 0, y = 0], { length, middle: [ex = 0, ey = 0] }) => [x + (ex * length) / border_m, y + (ey * length) / border_m], [0, 0]);
    const way: [number, number] = [((side[0] ?? 0) - (middle[0] ?? 0)) * Math.cos(((middle[1] ?? 0) * Math.PI) / 180), (side[1] ?? 0) - (middle[1] ?? 0)];
    return [{ code: String(properties?.code), name: String(properties?.name ?? ''), border_m, direction: wind(way), turn: (Math.atan2(way[0], way[1]) + 2 * Math.PI) % (2 * Math.PI) }];
  });
  return found.sort((a, b) => a.turn - b.turn).map(({ turn: _, ...neighbour }) => neighbour);
}

/** Puts neighbours in order from the north clockwise, of those on one side the longest border first. */
export function inOrder(neighbours: Neighbour[]): Neighbour[] {
  return [...neighbours].sort((a, b) => WINDS.indexOf(a.direction) - WINDS.indexOf(b.direction) || b.border_m - a.border_m);
}

/** How much of a border has nobody on its other side, metres; 0 where it is too little to be told from rounding. */
export function rimOf(own: Feature, neighbours: Neighbour[]): number {
  const around = ringsOf(own.geometry).flatMap(edgesOf).reduce((sum, { length }) => sum + length, 0);
  const rest = around - neighbours.reduce((sum, { border_m }) => sum + border_m, 0);
  return rest > around / 50 ? rest : 0;
}

function edgesOf(ring: Position[]): { key: string; length: number; middle: Position }[] {
  return ring.slice(1).map((to, at) => {
    const [[ax = 0, ay = 0], [bx = 0, by = 0]] = [ring[at] as Position, to];
    const [a, b] = [`${ax},${ay}`, `${bx},${by}`];
    const length = Math.hypot((bx - ax) * Math.cos((ay * Math.PI) / 180), by - ay) * DEGREE_M;
    return { key: a < b ? `${a} ${b}` : `${b} ${a}`, length, middle: [(ax + bx) / 2, (ay + by) / 2] };
  });
}

function middleOf(positions: Position[]): Position {
  const [xs, ys] = [positions.map(([x = 0]) => x), positions.map(([, y = 0]) => y)];
  return [(Math.min(...xs) + Math.max(...xs)) / 2, (Math.min(...ys) + Math.max(...ys)) / 2];
}
