// What an address may mean, by the city's table. None is ever taken without being said.
import { type Schema, answered, client } from '../../api/client';

export type Candidate = Schema['AddressCandidate'];

/** Candidates that are listed; more are narrowed down by typing on. */
const CANDIDATES_MAX = 8;

export function findAddresses(q: string, signal?: AbortSignal): Promise<Schema['AddressList']> {
  return answered(client.GET('/v1/addresses', { params: { query: { q, limit: CANDIDATES_MAX } }, signal: signal ?? null }));
}
