// Builds the bundle into the folder named, and writes the licences of what is in it beside it.
import { readFile, writeFile } from 'node:fs/promises';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { build } from 'vite';

const outDir = process.argv[2] ?? 'dist';
const bundled = new Set();
const note = {
  name: 'note-packages',
  moduleParsed({ id }) {
    const found = id.replaceAll('\\', '/').match(/node_modules\/((?:@[^/]+\/)?[^/]+)\//);
    if (found) bundled.add(found[1]);
  },
};
await build({ plugins: [note], logLevel: 'warn', build: { outDir, emptyOutDir: true } });

// The service worker keeps all other files, so it is built when they are known, and differs where they do.
const files = readdirSync(outDir, { recursive: true }).filter((file) => statSync(join(outDir, file)).isFile() && file !== 'index.html').map((file) => file.replaceAll('\\', '/')).sort();
const version = createHash('sha256').update(files.join('\n')).update(readFileSync(join(outDir, 'index.html'))).digest('hex').slice(0, 12);
await build({
  configFile: false, logLevel: 'warn', publicDir: false,
  define: { __FILES__: JSON.stringify(files.map((file) => `./${file}`)), __VERSION__: JSON.stringify(version) },
  build: { outDir, emptyOutDir: false, target: 'es2022', lib: { entry: 'src/sw.ts', formats: ['es'], fileName: () => 'sw.js' } },
});

// MapLibre is published as one file that holds its own dependencies.
for (const name of [...bundled]) {
  const manifest = JSON.parse(await readFile(join('node_modules', name, 'package.json'), 'utf8'));
  if (name === 'maplibre-gl') for (const inner of Object.keys(manifest.dependencies ?? {})) bundled.add(inner);
}
const parts = [];
for (const name of [...bundled].sort()) {
  const folder = join('node_modules', name);
  if (!existsSync(folder)) continue;
  const { version, license } = JSON.parse(await readFile(join(folder, 'package.json'), 'utf8'));
  const file = readdirSync(folder).find((entry) => /^licen[cs]e/i.test(entry));
  const text = file ? (await readFile(join(folder, file), 'utf8')).trim() : `Licence: ${license}`;
  parts.push(`${name} ${version} (${license})\n\n${text}\n`);
}
const line = `\n${'-'.repeat(80)}\n\n`;
await writeFile(join(outDir, 'LICENSES.txt'), `The console contains the following works.\n${line}${parts.join(line)}`);
