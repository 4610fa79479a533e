// What was asked, what was answered, and the questions themselves.
import { signal } from '@preact/signals';
import type { Feature, FeatureCollection, Geometry, Position } from 'geojson';
import { address, reachable } from '../../api/address';
import { type Schema, answered, client, getJson } from '../../api/client';
import { key } from '../../api/key';
import { finest, settings } from '../../api/settings';
import { type Candidate, findAddresses } from '../../cases/address/find';
import { t as said } from '../../cases/address/words';
import { insideOf } from '../../map/geometry';
import { frame, goTo } from '../../map/frame';
import { version } from '../../map/view';
import { explain } from '../../parts/explain';
import { note as noteAddress, route } from '../../shell/route';
import { type LookupWord, t } from './words';

/** An answer with all its members: some are left out only where that is asked for. */
export type Answer = Required<Schema['LocateAnswer']>;

/** A unit that a name or a code leads to. */
export interface Match {
  collection: string;
  code: string;
  name: string;
}

/** What is said above an answer, in the language of the moment. */
export type Note = () => string;

/** The layer and level that were asked about, where it is not the finest. */
interface Unit {
  layer: string;
  level: string;
}

export type Shown =
  | { kind: 'nothing' }
  | { kind: 'asking' }
  | { kind: 'answer'; answer: Answer; note: Note | null; unit: Unit | null }
  | { kind: 'matches'; matches: Match[]; hasMore: boolean; addresses: readonly Candidate[]; sayTrouble: (() => string) | null }
  | { kind: 'trouble'; say: () => string };

export const shown = signal<Shown>({ kind: 'nothing' });
export const unit = signal<Geometry | null>(null);
export const category = signal(route.value.query.get('category') ?? '');
/** The generation that is answered for; null for the boundaries in effect now. */
export const generation = signal<number | null>(Number(route.value.query.get('generation')) || null);

/** Longest text that can be an address. */
const ADDRESS_CHARS_MAX = 200;

/** Most names that are listed; more are narrowed down by typing on. */
const MATCHES_MAX = 8;

let asking: AbortController | null = null;

/** The part of the address that was noted last: while it stands there, what is shown is what it says. */
let noted: string | null = null;

interface Question {
  lon: number;
  lat: number;
  crs: string;
  note?: Note | null;
  /** Whether the map goes there. */
  moves?: boolean;
  /** Whether going back leads away from it: not of what the address said, or of the same place by other terms. */
  isStep?: boolean;
  layer?: string;
  level?: string;
}

/** Asks about a position. */
export async function ask({ lon, lat, crs, note = null, moves = false, isStep = true, layer, level }: Question): Promise<void> {
  asking?.abort();
  asking = new AbortController();
  const { signal } = asking;
  if (shown.value.kind !== 'answer') shown.value = { kind: 'asking' };
  const query = {
    lon, lat, ...(crs && { crs }), ...(layer && { layer }), ...(level && { level }), ...(category.value && { category: category.value }), ...(generation.value && { generation: generation.value }),
  };
  try {
    const answer = (await answered(client.GET('/v1/locate', { params: { query } as never, signal }))) as Answer;
    shown.value = { kind: 'answer', answer, note, unit: level && level !== finest()?.level ? { layer: layer ?? answer.layer, level } : null };
    noteAddress('lookup', { ...place(answer, level), category: category.value, generation: generation.value }, isStep);
    noted = route.value.query.toString();
    if (moves) goTo([answer.position.lon, answer.position.lat]);
    const geometry = answer.grid ? await getJson<Feature>(reachable(withVersion(answer.grid.href), '/collections/'), signal) : null;
    unit.value = geometry?.geometry ?? null;
  } catch (error) {
    fail(error, signal);
  }
}

/** Asks once more about what is shown, by another category or generation. */
export async function askAgain(): Promise<void> {
  version.value = generation.value ? `generation=${generation.value}` : '';
  if (shown.value.kind !== 'answer') return;
  const { answer, note, unit } = shown.value;
  await ask({ ...answer.position, crs: '', note, isStep: false, ...unit });
}

/** Asks for what the address says, as it is opened, and as one goes back and forth; where it names nothing, nothing is shown. */
export async function askAddressed(): Promise<void> {
  const { query } = route.value;
  if (query.toString() === noted) return;
  noted = query.toString();
  [category.value, generation.value] = [query.get('category') ?? '', Number(query.get('generation')) || null];
  version.value = generation.value ? `generation=${generation.value}` : '';
  const [find, lon, lat] = [query.get('find'), query.get('lon'), query.get('lat')];
  const [layer, level] = [query.get('layer'), query.get('level')];
  if (find) return askCode(find, false);
  if (lon !== null && lat !== null) return ask({ lon: Number(lon), lat: Number(lat), crs: '', moves: true, isStep: false, ...(layer && { layer }), ...(level && { level }) });
  asking?.abort();
  [shown.value, unit.value] = [{ kind: 'nothing' }, null];
}

/** Looks a code up in the collections, finest first; failing that, a name that holds it. */
export async function askCode(code: string, isStep = true): Promise<void> {
  asking?.abort();
  shown.value = { kind: 'asking' };
  try {
    const pages = await Promise.all(collections().map((collection) => items(collection, { code, limit: '1' })));
    const at = pages.findIndex((page) => page.features.length > 0);
    if (at < 0) return await askName(code);
    await showUnit(collections()[at] as string, pages[at]?.features[0] as Feature, isStep);
  } catch (error) {
    fail(error);
  }
}

/** Lists the units whose names hold what was typed, and the addresses that may be meant by it; goes to it where only one can be. */
export async function askName(name: string): Promise<void> {
  asking?.abort();
  shown.value = { kind: 'asking' };
  const like = name.replaceAll("'", "''").replace(/[%_\\]/g, '\\$&');
  try {
    const query = { filter: `name LIKE '%${like}%'`, limit: String(MATCHES_MAX), skipGeometry: 'true' };
    const [addresses, ...pages] = await Promise.all([addressesLike(name), ...collections().map((collection) => items(collection, query))]);
    const found = pages.flatMap((page, at) => page.features.map(({ properties }) => ({ collection: collections()[at] as string, code: String(properties?.code), name: String(properties?.name ?? '') })));
    // Coarser units are fewer and more often meant.
    const matches = found.reverse().slice(0, MATCHES_MAX);
    const exact = matches.filter((match) => match.name === name);
    const [only, certain] = [exact.length === 1 ? exact[0] : matches[0], addresses.certain ? addresses.candidates[0] : undefined];
    const isUnit = exact.length === 1 || (matches.length === 1 && addresses.candidates.length === 0);
    if (only && isUnit && !certain) await askMatch(only);
    else if (certain && matches.length === 0) await askAddress(certain);
    else if (matches.length + addresses.candidates.length === 0) shown.value = { kind: 'trouble', say: () => [t('noCode', name), addresses.sayTrouble?.()].filter(Boolean).join(' ') };
    else shown.value = { kind: 'matches', matches, hasMore: pages.some((page) => page.features.length === MATCHES_MAX) || found.length > MATCHES_MAX, addresses: addresses.candidates, sayTrouble: addresses.sayTrouble };
  } catch (error) {
    fail(error);
  }
}

interface Addresses {
  certain: boolean;
  candidates: readonly Candidate[];
  sayTrouble: (() => string) | null;
}

/** What an address may mean. It takes a key; without one, or while the table cannot be read, names are found all the same. */
async function addressesLike(name: string): Promise<Addresses> {
  if (key() === null || name.length > ADDRESS_CHARS_MAX) return { certain: false, candidates: [], sayTrouble: null };
  try {
    const { certain, candidates, geocoder_error: error } = await findAddresses(name);
    return { certain, candidates, sayTrouble: error ? () => said('geocoder', error) : null };
  } catch (error) {
    return { certain: false, candidates: [], sayTrouble: () => explain(error) ?? '' };
  }
}

/** Asks about the place of an address, and says by which. */
export function askAddress({ position: { lon, lat }, text }: Candidate): Promise<void> {
  return ask({ lon, lat, crs: '', note: () => said('taken', text), moves: true });
}

/** Says what is wrong with a question, in the stead of an answer that may be under way. */
export function refuse(word: LookupWord): void {
  asking?.abort();
  shown.value = { kind: 'trouble', say: () => t(word) };
}

export async function askMatch({ collection, code }: Match): Promise<void> {
  const page = await items(collection, { code, limit: '1' });
  if (page.features[0]) await showUnit(collection, page.features[0]);
}

async function showUnit(collection: string, feature: Feature, isStep = true): Promise<void> {
  frame(feature.geometry);
  unit.value = feature.geometry;
  const layer = settings.value?.layers.find((layer) => layer.collections.includes(collection))?.name;
  const inside = insideOf(feature.geometry);
  if (inside) await ask({ lon: inside[0] ?? 0, lat: inside[1] ?? 0, crs: '', isStep, layer, level: collection.split('.').at(-1) });
}

function collections(): string[] {
  return (settings.value?.layers ?? []).flatMap((layer) => [...layer.collections].reverse());
}

function items(collection: string, query: Record<string, string>): Promise<FeatureCollection> {
  const members = new URLSearchParams({ ...query, ...(generation.value && { generation: String(generation.value) }) });
  return getJson(address(`collections/${collection}/items?${members}`));
}

function withVersion(href: string): string {
  // The service names the generation itself where it is not the one in effect.
  if (!generation.value || /[?&]generation=/.test(href)) return href;
  return `${href}${href.includes('?') ? '&' : '?'}generation=${generation.value}`;
}

/** What the page's address says of an answer: the position, and layer and level where they are not the usual ones. */
function place(answer: Answer, level: string | undefined): Record<string, string | null> {
  const usual = finest();
  return {
    lon: answer.position.lon.toFixed(7), lat: answer.position.lat.toFixed(7),
    layer: answer.layer === usual?.layer ? null : answer.layer, level: level === undefined || level === usual?.level ? null : level,
  };
}

function fail(error: unknown, signal?: AbortSignal): void {
  if (signal?.aborted) return;
  shown.value = { kind: 'trouble', say: () => explain(error) ?? '' };
}

/** The position of the answer that is shown. */
export function position(): Position | null {
  return shown.value.kind === 'answer' ? [shown.value.answer.position.lon, shown.value.answer.position.lat] : null;
}
