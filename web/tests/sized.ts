// What tests over samples of several sizes share. They print how long things take and judge no time: what a machine needs depends on the machine.
import { afterAll, beforeAll, describe } from 'vitest';
import { Desktop } from './browser';
import { type Service, startService } from './service';

/** A sample of 100,000 grids takes a debug build many minutes to make, so larger ones are asked for by name. */
const GRIDS = '2000';

/** What the tests of one size run on; there once they begin. */
export interface Ground {
  grids: number;
  service: Service;
  desktop: Desktop;
}

/** Describes something over each of the sizes that a variable names with commas between, with a service and a browser of its own. */
export function describeSizes(variable: string, title: string, tests: (ground: Ground) => void): void {
  describe.each((process.env[variable] ?? GRIDS).split(',').map(Number))(title, (grids) => {
    const ground = { grids } as Ground;
    beforeAll(async () => {
      ground.service = await startService({ grids });
      ground.desktop = await Desktop.start(ground.service);
    }, 3_600_000);
    afterAll(async () => {
      await ground.desktop?.close();
      await ground.service?.stop();
    });
    tests(ground);
  });
}

/** How long the middle one took of several, and the shortest and the longest. */
export function spread(times: readonly number[]): string {
  const sorted = times.map(Math.round).sort((a, b) => a - b);
  return `${sorted[sorted.length >> 1]} ms (${sorted[0]} to ${sorted.at(-1)})`;
}
