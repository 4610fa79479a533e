import type { Position } from 'geojson';

/** Longest that a telephone is waited for, milliseconds. */
const WAIT_MS = 12_000;

/** Asks the device where it is; null where it does not say. */
export function whereAmI(): Promise<{ at: Position; accuracyM: number } | null> {
  return new Promise((resolve) => {
    if (!navigator.geolocation) return resolve(null);
    navigator.geolocation.getCurrentPosition(
      ({ coords }) => resolve({ at: [coords.longitude, coords.latitude], accuracyM: coords.accuracy }),
      () => resolve(null),
      { enableHighAccuracy: true, timeout: WAIT_MS, maximumAge: 10_000 },
    );
  });
}
