// Which columns of a table have the position, guessed by what they are usually called.
import type { Sheet } from '../../../parts/sheet';

const LON = ['lon', 'lng', 'long', 'longitude', 'x', 'easting', '经度', '坐标x', 'x坐标', '东坐标'];
const LAT = ['lat', 'latitude', 'y', 'northing', '纬度', '坐标y', 'y坐标', '北坐标'];

export interface Columns {
  lon: number;
  lat: number;
}

/** Guesses by the exact name, then by a name that holds it; the first two columns failing that. */
export function guessColumns({ header }: Sheet): Columns {
  const lon = find(header, LON) ?? 0;
  return { lon, lat: find(header, LAT) ?? (lon === 1 ? 0 : 1) };
}

function find(header: string[], names: string[]): number | null {
  const plain = header.map((name) => name.normalize('NFKC').trim().toLowerCase());
  for (const test of [(name: string, wanted: string) => name === wanted, (name: string, wanted: string) => wanted.length > 1 && name.includes(wanted)]) {
    const at = plain.findIndex((name) => names.some((wanted) => test(name, wanted)));
    if (at >= 0) return at;
  }
  return null;
}
