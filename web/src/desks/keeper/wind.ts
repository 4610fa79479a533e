export const WINDS = ['N', 'NE', 'E', 'SE', 'S', 'SW', 'W', 'NW'] as const;

export type Wind = (typeof WINDS)[number];

/** The direction of a way east and north, of eight. */
export function wind([east, north]: [number, number]): Wind {
  const turn = (Math.atan2(east, north) * 180) / Math.PI;
  return WINDS[Math.round((turn + 360) / 45) % 8] as Wind;
}
