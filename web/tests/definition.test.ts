// The API definition, judged by a linter that is not ours, in the terms of both versions of OpenAPI.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { startService } from './service';

const REDOCLY = fileURLToPath(new URL('../node_modules/.bin/redocly', import.meta.url));

it('redocly finds nothing wrong with the definition', async () => {
  const service = await startService();
  const folder = mkdtempSync(join(tmpdir(), 'gridkeeper-definition-'));
  try {
    for (const [form, version] of [['json', '3.1.0'], ['openapi30', '3.0.3']] as const) {
      const definition = (await (await fetch(`${service.base}/api?f=${form}`)).json()) as { openapi: string };
      expect(definition.openapi).toBe(version);
      const file = join(folder, `${form}.json`);
      writeFileSync(file, JSON.stringify(definition));
      // It ends with an error where it finds one; warnings count as well.
      const environment = { ...process.env, REDOCLY_TELEMETRY: 'off', REDOCLY_SUPPRESS_UPDATE_NOTICE: 'true' };
      const told = execFileSync(REDOCLY, ['lint', file, '--format=json'], { encoding: 'utf8', env: environment, stdio: ['ignore', 'pipe', 'ignore'] });
      const report = JSON.parse(told.slice(told.indexOf('{'))) as { totals: unknown };
      expect(report.totals).toMatchObject({ errors: 0, warnings: 0 });
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
    await service.stop();
  }
});
