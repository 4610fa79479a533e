// The service tells what it did and why it refused in English sentences. At a Chinese page they are said in Chinese, as far as they are known.
import { language } from './language';
import type { Words } from './words';

/** Makes the function that says a sentence in the language of the moment; null for one that is in none of the tables. */
export function interpreter(...tables: Words[]): (text: string) => string | null {
  const phrases = tables.flatMap((table) => Object.values(table)).map(([zh, en]) => ({ zh, pattern: patternOf(en) }));
  return (text) => {
    if (language.value === 'en') return text;
    for (const { zh, pattern } of phrases) {
      const found = pattern.exec(text);
      let at = 0;
      if (found) return zh.replaceAll('{}', () => found[(at += 1)] ?? '');
    }
    return null;
  };
}

function patternOf(sentence: string): RegExp {
  const plain = sentence.split('{}').map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'));
  return new RegExp(`^${plain.join('(.+?)')}$`, 's');
}
