import { language } from '../i18n/language';

/** Reference systems that are offered; any other that the service knows can be typed. */
export function crsNames(): [value: string, name: string][] {
  const zone = language.value === 'zh' ? (middle: number) => `CGCS2000 三度带 ${middle}°E` : (middle: number) => `CGCS2000, zone of ${middle}°E`;
  const zones = Array.from({ length: 21 }, (_, at): [string, string] => [`EPSG:${4534 + at}`, zone(75 + 3 * at)]);
  return [['GCJ02', 'GCJ-02'], ['BD09', 'BD-09'], ['EPSG:4490', 'CGCS2000'], ['EPSG:3857', 'Web Mercator'], ...zones];
}
