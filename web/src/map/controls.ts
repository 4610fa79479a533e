// The buttons on the map.
import { effect } from '@preact/signals';
import { AttributionControl, GeolocateControl, NavigationControl, ScaleControl } from 'maplibre-gl';
import type { Map as MapLibre } from 'maplibre-gl';
import { t, type words } from './words';

const NAMES: [string, keyof typeof words][] = [
  ['.maplibregl-canvas', 'map'],
  ['.maplibregl-ctrl-zoom-in', 'zoomIn'],
  ['.maplibregl-ctrl-zoom-out', 'zoomOut'],
  ['.maplibregl-ctrl-geolocate', 'whereAmI'],
];

/** What MapLibre itself says of one's own place, which it does as soon as the browser has told whether there is one. */
export const locale = () => ({ 'GeolocateControl.FindMyLocation': t('whereAmI'), 'GeolocateControl.LocationNotAvailable': t('nowhere') });

export function addControls(made: MapLibre): void {
  made.addControl(new AttributionControl({ compact: false }), 'bottom-right');
  made.addControl(new NavigationControl({ showCompass: false }), 'top-right');
  if (isSecureContext) made.addControl(new GeolocateControl({ trackUserLocation: false }), 'top-right');
  made.addControl(new ScaleControl(), 'bottom-right');
  effect(() => nameControls(made.getContainer()));
}

/** Names them in the language of the page, from the first moment on: a button without a name is none to who hears the page. */
function nameControls(container: HTMLElement): void {
  for (const [selector, word] of NAMES) {
    const named = container.querySelector<HTMLElement>(selector);
    const name = t(word);
    if (!named) continue;
    named.setAttribute('aria-label', name);
    if (named instanceof HTMLButtonElement) named.title = name;
  }
}
