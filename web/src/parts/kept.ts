// What is kept on the device for when there is no network, and what waits there to be sent.
import { signal } from '@preact/signals';
import { type DBSchema, type IDBPDatabase, openDB } from 'idb';

interface Kept extends DBSchema {
  answers: { key: string; value: { at: number; value: unknown } };
  outbox: { key: number; value: Waiting };
}

/** Something that is to be sent. */
export interface Waiting {
  id?: number;
  path: string;
  body?: unknown;
  /** Photos that go with it, in their order. */
  photos?: Blob[];
  /** The case to which the photos go; until the rest was taken there is none. */
  case?: string;
  /** Under which it is taken in once, however often it is sent. */
  token: string;
  said: string;
  at: number;
  /** Why the service did not take it. */
  refusal?: string;
}

let opened: Promise<IDBPDatabase<Kept>> | null = null;

function database(): Promise<IDBPDatabase<Kept>> {
  opened ??= openDB<Kept>('gridkeeper', 1, {
    upgrade(made) {
      made.createObjectStore('answers');
      made.createObjectStore('outbox', { keyPath: 'id', autoIncrement: true });
    },
  });
  return opened;
}

export const waiting = signal<Waiting[]>([]);

export async function keep(name: string, value: unknown): Promise<void> {
  await (await database()).put('answers', { at: Date.now(), value }, name);
}

export async function kept<T>(name: string): Promise<{ at: number; value: T } | null> {
  return ((await (await database()).get('answers', name)) as { at: number; value: T } | undefined) ?? null;
}

export async function addWaiting(one: Waiting): Promise<void> {
  await (await database()).add('outbox', one);
  await readWaiting();
}

export async function changeWaiting(one: Waiting): Promise<void> {
  await (await database()).put('outbox', one);
  await readWaiting();
}

export async function removeWaiting(id: number): Promise<void> {
  await (await database()).delete('outbox', id);
  await readWaiting();
}

export async function readWaiting(): Promise<Waiting[]> {
  waiting.value = await (await database()).getAll('outbox');
  return waiting.value;
}

/** Forgets all that is kept: whoever signs in next is another. */
export async function forgetAll(): Promise<void> {
  const all = await database();
  await Promise.all([all.clear('answers'), all.clear('outbox')]);
}
