// Asks the service. Paths, parameters and answers are typed by the API's own definition.
import createClient, { type Middleware } from 'openapi-fetch';
import { address } from './address';
import { headers } from './key';
import type { components, paths } from './schema';

export type Schema = components['schemas'];

/** A refusal of the service, in its own words. */
export class Refusal extends Error {
  constructor(
    readonly status: number,
    detail: string,
    readonly problem: Record<string, unknown>,
  ) {
    super(detail);
  }
}

const bearer: Middleware = {
  onRequest({ request }) {
    for (const [name, value] of Object.entries(headers())) request.headers.set(name, value);
    return request;
  },
  async onResponse({ response }) {
    if (!response.ok) throw await refusal(response);
  },
};

export const client = createClient<paths>({ baseUrl: address('').replace(/\/$/, '') });
client.use(bearer);

/** Returns what was answered, as JSON. What is refused has been thrown by then. */
export async function answered<T>(asked: Promise<{ data?: T }>): Promise<Exclude<T, string>> {
  return (await asked).data as Exclude<T, string>;
}

/** Asks an address that is not in the definition, or whose answer has no type there. */
export async function getJson<T>(href: string, signal?: AbortSignal): Promise<T> {
  const response = await fetch(href, { headers: { Accept: 'application/geo+json, application/json', ...headers() }, signal: signal ?? null });
  if (!response.ok) throw await refusal(response);
  return (await response.json()) as T;
}

/** Sends JSON to an address, and returns what is answered to it; nothing where the answer has no body. */
export async function postJson<T>(href: string, body: unknown, more: Record<string, string> = {}, method = 'POST'): Promise<T> {
  const response = await fetch(href, { method, headers: { 'Content-Type': 'application/json', Accept: 'application/json', ...headers(), ...more }, body: JSON.stringify(body) });
  if (!response.ok) throw await refusal(response);
  return (response.status === 204 ? undefined : await response.json()) as T;
}

/** Adds a photo to the photos of a case. The same one sent again is the same. */
export async function postPhoto(href: string, photo: Blob): Promise<void> {
  const response = await fetch(href, { method: 'POST', headers: { 'Content-Type': photo.type || 'image/jpeg', Accept: 'application/json', ...headers() }, body: photo });
  if (!response.ok) throw await refusal(response);
}

export async function refusal(response: Response): Promise<Refusal> {
  const problem = ((await response.json().catch(() => null)) ?? {}) as Record<string, unknown> & { detail?: string; title?: string };
  return new Refusal(response.status, problem.detail ?? problem.title ?? `${response.status}`, problem);
}
