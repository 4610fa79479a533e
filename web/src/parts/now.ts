// The time, for clocks that run while they are looked at.
import { signal } from '@preact/signals';

/** How often it is looked at, milliseconds: clocks are shown in minutes. */
const STEP_MS = 15_000;

export const now = signal(Date.now());

setInterval(() => {
  now.value = Date.now();
}, STEP_MS);
