// Moves a case on, and refuses to overwrite what somebody else did meanwhile.
import { type Schema, answered, client } from '../api/client';

export type Case = Schema['IncidentView'];
export type Action = Schema['Action'];

/** Makes a move on a case as it was seen. What the service refuses is thrown. */
export async function act(on: { id: string; version: number }, action: Action): Promise<Case> {
  return answered(client.POST('/v1/incidents/{id}/actions', { params: { path: { id: on.id }, header: { 'If-Match': `"${on.version}"` } }, body: action }));
}

export async function findCase(id: string, signal?: AbortSignal): Promise<Case> {
  return answered(client.GET('/v1/incidents/{id}', { params: { path: { id } }, signal: signal ?? null }));
}

export async function historyOf(id: string): Promise<Schema['EventView'][]> {
  return (await answered(client.GET('/v1/incidents/{id}/history', { params: { path: { id } } }))).events;
}
