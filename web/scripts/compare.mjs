// Builds the bundle again and fails where the committed one differs.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';

const fresh = mkdtempSync(join(tmpdir(), 'gridkeeper-web-'));
const files = (folder) =>
  readdirSync(folder, { recursive: true }).map((entry) => join(folder, entry)).filter((path) => statSync(path).isFile()).map((path) => relative(folder, path)).sort();
try {
  execFileSync('node', ['scripts/build.mjs', fresh], { stdio: 'inherit' });
  const [committed, built] = [files('dist'), files(fresh)];
  const differing = [...new Set([...committed, ...built])].filter(
    (file) => !committed.includes(file) || !built.includes(file) || !readFileSync(join('dist', file)).equals(readFileSync(join(fresh, file))),
  );
  if (differing.length > 0) {
    console.error(`web/dist is not what the sources build; run make web and commit it. Differing: ${differing.join(', ')}`);
    process.exit(1);
  }
  console.log(`web/dist is what the sources build (${built.length} files)`);
} finally {
  rmSync(fresh, { recursive: true, force: true });
}
