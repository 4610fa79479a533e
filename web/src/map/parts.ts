// What the map is drawn from. It is asked for while the code of the map is still on its way.
import type { StyleSpecification } from 'maplibre-gl';
import { address } from '../api/address';
import { headers } from '../api/key';
import { language } from '../i18n/language';
import type { Bounds } from './geometry';

export interface Parts {
  style: StyleSpecification;
  bounds: Bounds | undefined;
}

/** What is told of the tiles before they are asked for. */
interface TileSet {
  tiles: string[];
  bounds?: Bounds;
  minzoom: number;
  maxzoom: number;
  attribution?: string;
}

/** Asks for the style and what is told of its tiles, together. */
export async function loadParts(shift?: string | null): Promise<Parts> {
  const pairs = shift ? `&shift=${shift}` : '';
  const [style, { tiles, bounds, minzoom, maxzoom, attribution }] = await Promise.all([
    load<StyleSpecification>(`styles/boundaries?lang=${language.value}${pairs}`),
    load<TileSet>(`tiles/boundaries${pairs.replace('&', '?')}`),
  ]);
  // The source has it at hand, and need not ask for it again before the first tile.
  style.sources.boundaries = { type: 'vector', tiles, minzoom, maxzoom, ...(bounds && { bounds }), ...(attribution && { attribution }) };
  return { style, bounds };
}

async function load<T>(path: string): Promise<T> {
  const response = await fetch(address(path), { headers: headers() });
  if (!response.ok) throw new Error(`${path}: ${response.status}`);
  return (await response.json()) as T;
}
