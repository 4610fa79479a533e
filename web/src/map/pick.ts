import { useEffect } from 'preact/hooks';
import type { MapMouseEvent } from 'maplibre-gl';
import type { Position } from 'geojson';
import { shift } from './layers';
import { shiftPosition, unshiftPosition } from './shift';
import { map, pickers } from './view';

/** Where a place that was clicked on the map really is, also where the basemap is moved. */
export function placeOf({ lngLat }: Pick<MapMouseEvent, 'lngLat'>): [lon: number, lat: number] {
  const [lon = 0, lat = 0] = unshiftPosition([lngLat.lng, lngLat.lat], shift());
  return [lon, lat];
}

/** Where on the map a place is shown. */
export function shownAt(place: Position): [lon: number, lat: number] {
  const [lon = 0, lat = 0] = shiftPosition(place, shift());
  return [lon, lat];
}

/** Hands over the places that are clicked on the map while the component stands. */
export function usePick(onPlace: (lon: number, lat: number) => void): void {
  useEffect(() => {
    const on = map.value;
    const pick = (event: MapMouseEvent): void => onPlace(...placeOf(event));
    pickers.value += 1;
    on?.on('click', pick);
    return () => {
      pickers.value -= 1;
      on?.off('click', pick);
    };
  }, [map.value]);
}
