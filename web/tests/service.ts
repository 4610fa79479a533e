// Starts the built program on a store made of the sample that is committed.
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
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
  stop: () => Promise<void>;
}

function program(): string {
  const target = process.env.CARGO_TARGET_DIR ? resolve(ROOT, process.env.CARGO_TARGET_DIR) : join(ROOT, 'target');
  const named = process.env.GRIDKEEPER_PROGRAM;
  const found = (named ? [named] : [join(target, 'debug/gridkeeper'), join(target, 'release/gridkeeper')]).find((path) => existsSync(path));
  if (!found) throw new Error(`the program is not built: run cargo build first (looked in ${target})`);
  return found;
}

export async function startService(extraSettings = ''): Promise<Service> {
  const folder = mkdtempSync(join(tmpdir(), 'gridkeeper-map-'));
  const settings = `[map]\nnotice = "${NOTICE}"\nattribution = "gridkeeper sample"\napproval_number = "示例"\n${extraSettings}`;
  writeFileSync(join(folder, 'gridkeeper.toml'), settings);
  const options = { cwd: folder, env: { ...process.env, GRIDKEEPER_STORE: join(folder, 'map.gpkg') }, encoding: 'utf8' as const };
  const run = (...words: string[]): string => execFileSync(program(), words, { ...options, stdio: ['ignore', 'pipe', 'pipe'] });
  const files = { district: 'district.geojson', street: 'streets.geojson', community: 'communities.geojson', grid: 'grids.shp' };
  for (const [level, file] of Object.entries(files)) run('import', join(SAMPLE, file), '--level', level);
  run('roster', 'import', join(SAMPLE, 'roster.csv'));
  run('incidents', 'import', join(SAMPLE, 'incidents.csv'));
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
  return { base, key, folder, stop };
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
