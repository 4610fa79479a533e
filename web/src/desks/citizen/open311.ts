// Reports and their course over GeoReport v2, as any other app would ask for them.
import { address } from '../../api/address';
import { Refusal } from '../../api/client';
import { key } from '../../api/key';

export interface Service {
  service_code: string;
  service_name: string;
  group: string;
}

export interface Request {
  service_request_id: string;
  status: 'open' | 'closed';
  status_notes: string | null;
  service_name: string;
  agency_responsible: string | null;
  requested_datetime: string | null;
  expected_datetime: string | null;
}

export function services(): Promise<Service[]> {
  return ask('services.json');
}

export async function findRequest(id: string): Promise<Request | null> {
  const found = await ask<Request[]>(`requests/${encodeURIComponent(id)}.json`);
  return found[0] ?? null;
}

/** Reports, and returns the number under which it is followed. */
export async function report(service: string, at: { lon: number; lat: number }, description: string, photos: Blob[]): Promise<string> {
  const fields = { service_code: service, lat: String(at.lat), long: String(at.lon), description, api_key: key() ?? '' };
  const body = photos.length > 0 ? withPhotos(fields, photos) : new URLSearchParams(fields);
  const [taken] = await ask<{ service_request_id: string }[]>('requests.json', { method: 'POST', body });
  if (!taken) throw new Error('the service named no number');
  return taken.service_request_id;
}

function withPhotos(fields: Record<string, string>, photos: Blob[]): FormData {
  const form = new FormData();
  for (const [name, value] of Object.entries(fields)) form.append(name, value);
  photos.forEach((photo, at) => form.append('media', photo, `${at + 1}.jpg`));
  return form;
}

/** Asks without a key beside the standard's own: what a citizen sees is what everybody sees. */
async function ask<T>(path: string, options: RequestInit = {}): Promise<T> {
  const response = await fetch(address(`open311/v2/${path}`), { headers: { Accept: 'application/json' }, ...options });
  const body: unknown = await response.json().catch(() => null);
  if (response.ok) return body as T;
  const [fault] = (Array.isArray(body) ? body : []) as { description?: string }[];
  throw new Refusal(response.status, fault?.description ?? `${response.status}`, {});
}
