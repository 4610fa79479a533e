import type { Geometry, Position } from 'geojson';
import { boundsOf } from './geometry';
import { shift } from './layers';
import { duration, room } from './room';
import { shiftGeometry, shiftPosition } from './shift';
import { map } from './view';

/** Brings a geometry into view. */
export function frame(geometry: Geometry): void {
  const bounds = boundsOf(shiftGeometry(geometry, shift()));
  if (bounds) map.value?.fitBounds(bounds, { padding: room(), maxZoom: 17, duration: duration() });
}

/** Brings a position into the middle, near enough to see its grid. */
export function goTo(position: Position, zoom = 15): void {
  const shown = map.value;
  shown?.easeTo({ center: shiftPosition(position, shift()) as [number, number], zoom: Math.max(shown.getZoom(), zoom), duration: duration() });
}
