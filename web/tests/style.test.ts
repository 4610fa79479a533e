import { readFileSync } from 'node:fs';
import { validateStyleMin } from '@maplibre/maplibre-gl-style-spec';
import { expect, it } from 'vitest';

it('the style that is shipped is valid and names nothing outside', () => {
  const written = readFileSync(new URL('../../tiles/style.json', import.meta.url), 'utf8');
  expect(validateStyleMin(JSON.parse(written))).toEqual([]);
  expect(written).not.toMatch(/https?:|"glyphs"|"sprite"/);
});
