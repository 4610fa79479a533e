// Starts the built program on a store made of the sample that is committed.
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { copyFileSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const SAMPLE = join(ROOT, 'shapes/lingling');

export const NOTICE = '示例数据，非真实边界';

export interface Service {
  base: string;
  key: string;
  folder: string;
  /** Runs the program on the service's store, and returns what it prints. */
  run: (...words: string[]) => string;
  stop: () => Promise<void>;
}

function program(): string {
  const target = process.env.CARGO_TARGET_DIR ? resolve(ROOT, process.env.CARGO_TARGET_DIR) : join(ROOT, 'target');
  const named = process.env.GRIDKEEPER_PROGRAM;
  const found = (named ? [named] : [join(target, 'debug/gridkeeper'), join(target, 'release/gridkeeper')]).find((path) => existsSync(path));
  if (!found) throw new Error(`the program is not built: run cargo build first (looked in ${target})`);
  return found;
}

/** What a service is started with beside the committed sample. */
export interface Wanted {
  settings?: string;
  /** Makes a sample of so many grids, and takes that. */
  grids?: number;
  /** So many cases whose life has begun, in the stead of the committed records. */
  liveIncidents?: number;
  /** The committed records as cases that have been settled, most of them within the day. */
  closedIncidents?: boolean;
}

export async function startService({ settings: extraSettings = '', grids, liveIncidents, closedIncidents }: Wanted = {}): Promise<Service> {
  const folder = mkdtempSync(join(tmpdir(), 'gridkeeper-map-'));
  const settings = `[map]\nnotice = "${NOTICE}"\nattribution = "gridkeeper sample"\napproval_number = "示例"\n${extraSettings}`;
  writeFileSync(join(folder, 'gridkeeper.toml'), settings);
  // Names that begin so are settings to the program.
  const { GRIDKEEPER_PROGRAM: _, ...environment } = process.env;
  const options = { cwd: folder, env: { ...environment, GRIDKEEPER_STORE: join(folder, 'map.gpkg') }, encoding: 'utf8' as const };
  const run = (...words: string[]): string => execFileSync(program(), words, { ...options, stdio: ['ignore', 'pipe', 'pipe'] });
  const source = grids ? join(folder, 'sample') : SAMPLE;
  if (grids) run('sample', source, '--grids', String(grids), ...(liveIncidents ? ['--incidents', String(liveIncidents)] : []));
  const files = { district: 'district.geojson', street: 'streets.geojson', community: 'communities.geojson', grid: 'grids.shp' };
  for (const [level, file] of Object.entries(files)) run('import', join(source, file), '--level', level);
  run('roster', 'import', join(source, 'roster.csv'));
  for (const kind of ['categories', 'calendars', 'responsibilities']) run(kind, 'import', join(source, `${kind}.csv`), '--effective', '2026-01-01');
  const table = closedIncidents ? settled(join(source, 'incidents.csv'), join(folder, 'settled.csv')) : join(source, 'incidents.csv');
  run('incidents', 'import', table, ...(liveIncidents ? ['--live'] : []));
  copyFileSync(join(source, 'incidents.csv'), join(folder, 'incidents.csv'));
  const key = /gk_\S+/.exec(run('key', 'create', '--role', 'dispatcher', '--note', 'browser test'))?.[0];
  if (!key) throw new Error('key create printed no key');
  const child = spawn(program(), ['serve', '--listen', '127.0.0.1:0'], { ...options, stdio: ['ignore', 'pipe', 'pipe'] });
  const base = await addressOf(child);
  await ready(base);
  const stop = async (): Promise<void> => {
    const ended = new Promise((done) => child.once('exit', done));
    child.kill('SIGTERM');
    await ended;
    rmSync(folder, { recursive: true, force: true });
  };
  return { base, key, folder, run, stop };
}

/** Loads addresses: one that is alone, and one that two quarters have. */
export function loadAddresses(service: Service, places: [alone: number[], first: number[], second: number[]]): void {
  const rows = ['徐家井,芝山路,12号', '南津渡,解放路,5号', '朝阳,解放路,5号'].map((parts, at) => `${parts},plate,${places[at]!.join(',')}`);
  const file = join(service.folder, 'addresses.csv');
  writeFileSync(file, ['zone,street,plate,kind,lon,lat', ...rows].join('\n'));
  service.run('addresses', 'import', file);
}

/** Makes a key, and waits until the service knows it. */
export async function makeKey(service: Service, ...words: string[]): Promise<string> {
  const made = /gk_\S+/.exec(service.run('key', 'create', ...words))?.[0];
  if (!made) throw new Error('key create printed no key');
  const isKnown = async (): Promise<boolean> => (await fetch(`${service.base}/v1/categories`, { headers: { Authorization: `Bearer ${made}` } })).ok;
  while (!(await isKnown())) await new Promise((done) => setTimeout(done, 200));
  return made;
}

/** Writes the records with the state in which each ended: every fifth is open, the others closed some hours later. */
function settled(from: string, to: string): string {
  const [head, ...rows] = readFileSync(from, 'utf8').trim().split('\n');
  const columns = head!.split(',');
  const reported = columns.indexOf('reported_at');
  const lines = rows.map((row, at) => {
    if (at % 5 === 0) return `${row},pending_file,`;
    const end = new Date(Date.parse(row.split(',')[reported]!) + (2 + (at % 40)) * 3_600_000);
    return `${row},closed,${end.toISOString()}`;
  });
  writeFileSync(to, [`${head},state,state_at`, ...lines].join('\n'));
  return to;
}

function addressOf(child: ChildProcess): Promise<string> {
  return new Promise((found, failed) => {
    let said = '';
    const read = (chunk: Buffer): void => {
      said += chunk.toString();
      const address = /http:\/\/127\.0\.0\.1:\d+/.exec(said)?.[0];
      if (address) found(address);
    };
    child.stdout?.on('data', read);
    child.stderr?.on('data', read);
    child.once('exit', (code) => failed(new Error(`serve ended with ${code}: ${said}`)));
  });
}

async function ready(base: string): Promise<void> {
  for (let attempt = 0; attempt < 300; attempt += 1) {
    const response = await fetch(`${base}/readyz`).catch(() => null);
    if (response?.ok) return;
    await new Promise((done) => setTimeout(done, 100));
  }
  throw new Error('the service is not ready after 30 s');
}
