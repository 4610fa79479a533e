// Moves positions to where basemaps of some makers show them. The formula is public; its agreement with the official one is unknown.
import type { Geometry, Position } from 'geojson';

export type Shift = 'gcj02' | 'bd09' | null;

const AXIS_M = 6378245;
const ECCENTRICITY2 = 0.00669342162296594323;

export function shiftPosition(position: Position, shift: Shift): Position {
  if (shift === null) return position;
  const moved = toGcj02(position[0] ?? 0, position[1] ?? 0);
  return shift === 'gcj02' ? moved : toBd09(moved);
}

/** Where a place really is that is shown somewhere. The shift changes so slowly that a few steps find it to less than a millimetre. */
export function unshiftPosition(shown: Position, shift: Shift): Position {
  let [lon = 0, lat = 0] = shown;
  for (let step = 0; shift !== null && step < 4; step += 1) {
    const [x = 0, y = 0] = shiftPosition([lon, lat], shift);
    [lon, lat] = [lon + (shown[0] ?? 0) - x, lat + (shown[1] ?? 0) - y];
  }
  return [lon, lat];
}

export function shiftGeometry<G extends Geometry>(geometry: G, shift: Shift): G {
  if (shift === null || geometry.type === 'GeometryCollection') return geometry;
  const move = (value: unknown): unknown =>
    Array.isArray(value) && typeof value[0] === 'number' ? shiftPosition(value as Position, shift) : (value as unknown[]).map(move);
  return { ...geometry, coordinates: move(geometry.coordinates) } as G;
}

function toGcj02(lon: number, lat: number): Position {
  if (lon < 72.004 || lon > 137.8347 || lat < 0.8293 || lat > 55.8271) return [lon, lat];
  const [x, y] = [lon - 105, lat - 35];
  const wave = (value: number, period: number) => Math.sin((value / period) * Math.PI);
  const common = (20 * Math.sin(6 * x * Math.PI) + 20 * Math.sin(2 * x * Math.PI)) * (2 / 3);
  const north =
    -100 + 2 * x + 3 * y + 0.2 * y * y + 0.1 * x * y + 0.2 * Math.sqrt(Math.abs(x)) + common +
    ((20 * wave(y, 1) + 40 * wave(y, 3)) * 2) / 3 + ((160 * wave(y, 12) + 320 * wave(y, 30)) * 2) / 3;
  const east =
    300 + x + 2 * y + 0.1 * x * x + 0.1 * x * y + 0.1 * Math.sqrt(Math.abs(x)) + common +
    ((20 * wave(x, 1) + 40 * wave(x, 3)) * 2) / 3 + ((150 * wave(x, 12) + 300 * wave(x, 30)) * 2) / 3;
  const radians = (lat / 180) * Math.PI;
  const bend = 1 - ECCENTRICITY2 * Math.sin(radians) ** 2;
  const meridian = (AXIS_M * (1 - ECCENTRICITY2)) / (bend * Math.sqrt(bend));
  const parallel = (AXIS_M / Math.sqrt(bend)) * Math.cos(radians);
  return [lon + ((east / parallel) * 180) / Math.PI, lat + ((north / meridian) * 180) / Math.PI];
}

function toBd09(position: Position): Position {
  const [x, y] = [position[0] ?? 0, position[1] ?? 0];
  const turn = (Math.PI * 3000) / 180;
  const radius = Math.hypot(x, y) + 0.00002 * Math.sin(y * turn);
  const angle = Math.atan2(y, x) + 0.000003 * Math.cos(x * turn);
  return [radius * Math.cos(angle) + 0.0065, radius * Math.sin(angle) + 0.006];
}
