import { useEffect } from 'preact/hooks';
import type { MapMouseEvent } from 'maplibre-gl';
import { map, pickers } from './view';

/** Hands over the places that are clicked on the map while the component stands. */
export function usePick(onPlace: (lon: number, lat: number) => void): void {
  useEffect(() => {
    const on = map.value;
    const pick = (event: MapMouseEvent): void => onPlace(event.lngLat.lng, event.lngLat.lat);
    pickers.value += 1;
    on?.on('click', pick);
    return () => {
      pickers.value -= 1;
      on?.off('click', pick);
    };
  }, [map.value]);
}
