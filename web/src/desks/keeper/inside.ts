// Whether one stands in one's own grid. It is reckoned on the device, so that it is answered without a network too.
import type { Position } from 'geojson';
import { nearestOnBorder } from '../../map/border';
import { contains } from '../../map/geometry';
import type { MyUnit } from './mine';
import { type Wind, wind } from './wind';

export interface Inside {
  /** Null where it is in doubt. */
  inside: boolean | null;
  distance_m: number;
  /** Which way home is; null inside. */
  direction: Wind | null;
  unit: MyUnit | null;
}

/** Nearer to the border than this it is in doubt, metres, as the service has it by default. */
const DOUBT_M = 10;
const DEGREE_M = 111_320;

/** Reckons it on the plane of the place, which is exact enough for a few kilometres. Null where nothing is one's own. */
export function amInside(at: Position, accuracyM: number | null, units: MyUnit[]): Inside | null {
  const unit = units.find(({ feature }) => contains(feature.geometry, at)) ?? null;
  let nearest: { way: [number, number]; distance: number } | null = null;
  for (const { feature } of unit ? [unit] : units) {
    const border = nearestOnBorder(feature.geometry, at);
    if (!border) continue;
    const way: [number, number] = [((border[0] ?? 0) - (at[0] ?? 0)) * Math.cos(((at[1] ?? 0) * Math.PI) / 180) * DEGREE_M, ((border[1] ?? 0) - (at[1] ?? 0)) * DEGREE_M];
    const distance = Math.hypot(...way);
    if (!nearest || distance < nearest.distance) nearest = { way, distance };
  }
  if (!nearest) return null;
  const isDoubt = nearest.distance < Math.max(DOUBT_M, accuracyM ?? 0);
  return { inside: isDoubt ? null : unit !== null, distance_m: nearest.distance, direction: unit ? null : wind(nearest.way), unit };
}
