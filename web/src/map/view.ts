// The one map of the console. Desks put layers on it and take them off again.
import { signal } from '@preact/signals';
import type { Map as MapLibre } from 'maplibre-gl';

/** The map once it has been drawn; null before, and where the browser cannot draw one. */
export const map = signal<MapLibre | null>(null);

/** Whether the browser cannot draw a map. Everything else works without. */
export const isMapMissing = signal(false);

/** Which version of the boundaries is drawn, as parameters of an address; empty for that in effect. */
export const version = signal('');

/** How many parts of the page wait for a place to be clicked; while any does, what lies there is not opened. */
export const pickers = signal(0);
