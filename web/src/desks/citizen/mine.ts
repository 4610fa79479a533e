// The numbers of what was reported from this device. They are kept on it and nowhere else.
import { signal } from '@preact/signals';

const STORED = 'gridkeeper.reported';

/** Numbers kept; older ones go. */
const KEPT_MAX = 20;

export const reported = signal<string[]>(read());

export function remember(number: string): void {
  reported.value = [number, ...reported.value.filter((one) => one !== number)].slice(0, KEPT_MAX);
  try {
    localStorage.setItem(STORED, JSON.stringify(reported.value));
  } catch {
    // A browser that keeps nothing still shows them for this page.
  }
}

function read(): string[] {
  try {
    return JSON.parse(localStorage.getItem(STORED) ?? '[]') as string[];
  } catch {
    return [];
  }
}
