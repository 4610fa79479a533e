// Writes the types of the API's answers from its definition, as the tests of the service keep it.
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import openapi, { astToString } from 'openapi-typescript';

const SNAPSHOT = new URL('../../tests/integration/api/snapshots/integration__api__openapi__definition.snap', import.meta.url);
const OUT = new URL('../src/api/schema.d.ts', import.meta.url);

const kept = await readFile(SNAPSHOT, 'utf8');
// A snapshot has a head between two lines of dashes.
const definition = JSON.parse(kept.slice(kept.indexOf('\n---\n') + 5));
const types = await openapi(definition);
await mkdir(new URL('.', OUT), { recursive: true });
await writeFile(OUT, `// Made by scripts/api.mjs from the API's definition. Not kept in the tree.\n${astToString(types)}`);
