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

/** Asks for style and bounds, together. */
export async function loadParts(shift?: string | null): Promise<Parts> {
  const pairs = shift ? `&shift=${shift}` : '';
  const [style, tiles] = await Promise.all([load<StyleSpecification>(`styles/boundaries?lang=${language.value}${pairs}`), load<{ bounds?: Bounds }>(`tiles/boundaries${pairs.replace('&', '?')}`)]);
  return { style, bounds: tiles.bounds };
}

async function load<T>(path: string): Promise<T> {
  const response = await fetch(address(path), { headers: headers() });
  if (!response.ok) throw new Error(`${path}: ${response.status}`);
  return (await response.json()) as T;
}
