import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { interpreter } from '../src/i18n/phrases';
import { language } from '../src/i18n/language';
import type { Words } from '../src/i18n/words';
import { words as steps } from '../src/desks/planner/sentences/words';
import { words as problems } from '../src/parts/problems/words';
import { words as moves } from '../src/parts/sentences/words';

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
      if (zh !== en) expect(zh, `${word} is Chinese`).toMatch(/\p{Script=Han}|[，：；（）。]/u);
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

describe('what the service says', () => {
  const rust = (file: string): string => readFileSync(new URL(`../../src/${file}`, import.meta.url), 'utf8');
  const texts = (code: string, pattern: RegExp): string[] => [...code.matchAll(pattern)].map((found) => found[1] as string);
  const interpret = interpreter(moves, steps);

  it('is known in Chinese: kinds of problem, refusals of moves, and what can be done where a stroke is refused', () => {
    language.value = 'zh';
    expect(texts(rust('api/problem.rs'), /Self::\w+ => "([a-z-]+)",/g).filter((name) => !(name in problems))).toEqual([]);
    const remedies = rust('plan/edit/refusal.rs').match(/fn remedy[\s\S]*?\n    }\n/)![0];
    expect(texts(remedies, /"([^"]+)"/g).filter((remedy) => interpret(remedy) === null)).toEqual([]);
    const refusals = texts(rust('dispatch/workflow/decide.rs'), /#\[error\("([^"]+)"/g).map((text) => text.replace(/\{[^}]*\}/g, 'x'));
    expect(refusals.length).toBeGreaterThan(9);
    expect(refusals.filter((text) => interpret(text) === null)).toEqual([]);
  });

  it('is said with what it names, and as it came where it is not known', () => {
    language.value = 'zh';
    expect(interpret('merges 3 units into 431102001001001')).toBe('把 3 个单元合并为 431102001001001');
    expect(interpret('grid 431102001001001 is locked')).toBe('grid 431102001001001 已锁定');
    expect(interpret('something new')).toBeNull();
    language.value = 'en';
    expect(interpret('something new')).toBe('something new');
  });
});
