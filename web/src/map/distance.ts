const DEGREE_M = 111_320;

interface Place {
  lon: number;
  lat: number;
}

/** Metres between two places on the plane of the first, which is exact enough for some kilometres. */
export function distanceM(a: Place, b: Place): number {
  return Math.hypot((a.lon - b.lon) * Math.cos((a.lat * Math.PI) / 180), a.lat - b.lat) * DEGREE_M;
}

/** The ground within so many metres of a place, as a ring of corners. */
export function circle({ lon, lat }: Place, radiusM: number): [number, number][] {
  const stretch = Math.cos((lat * Math.PI) / 180);
  return Array.from({ length: 49 }, (_, at) => {
    const turn = (at / 48) * 2 * Math.PI;
    return [lon + (Math.sin(turn) * radiusM) / DEGREE_M / stretch, lat + (Math.cos(turn) * radiusM) / DEGREE_M];
  });
}
