import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import type { Words } from '../src/i18n/words';

const SOURCE = fileURLToPath(new URL('../src/', import.meta.url));
const tables = import.meta.glob<{ words: Words }>('../src/**/words.ts', { eager: true });

describe.each(Object.entries(tables).filter(([, table]) => table.words))('the words of %s', (_, { words }) => {
  it('are there in both languages, with the same places to fill', () => {
    for (const [word, [zh, en]] of Object.entries(words)) {
      expect([zh.trim(), en.trim()], word).not.toContain('');
      expect(zh.split('{}').length, word).toBe(en.split('{}').length);
      if (word === 'otherLanguage') continue;
      expect(en, `${word} is English`).not.toMatch(/\p{Script=Han}/u);
      // What is the same in both is no word: a formula, a unit of measure, a list of places to fill.
      if (zh !== en) expect(zh, `${word} is Chinese`).toMatch(/\p{Script=Han}|[，：；（）]/u);
    }
  });
});

describe('what a person reads', () => {
  const files = readdirSync(SOURCE, { recursive: true, encoding: 'utf8' }).filter((file) => /\.tsx?$/.test(file));
  it('stands in a table of words and nowhere else', () => {
    for (const file of files.filter((file) => !/words\.ts$|i18n\/|crs\.ts$|limit\.ts$|query\.ts$|columns\.ts$/.test(file))) {
      const code = readFileSync(join(SOURCE, file), 'utf8').replace(/\/\*[\s\S]*?\*\/|^\s*\/\/.*$/gm, '');
      expect(code.replace(/经度\|纬度\|坐标|"[^"]*Noto[^']*/g, ''), file).not.toMatch(/\p{Script=Han}/u);
      // Text straight between two tags.
      const plain = [...code.matchAll(/<[a-z]\w*[^<>{}]*>\s*([A-Z][a-z]+[^<>{}]*)<\//g)].map((found) => found[1]);
      expect(plain, file).toEqual([]);
    }
  });
});
