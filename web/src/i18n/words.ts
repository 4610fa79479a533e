// Words in both languages. Each desk has its own, so that they are loaded with it.
import { language } from './language';

/** What is said in Chinese, and in English. `{}` is filled with what is handed over, in order. */
export type Pair = readonly [zh: string, en: string];
export type Words = Readonly<Record<string, Pair>>;

/** Makes the function that says words of one table in the language of the moment. */
export function speaker<W extends Words>(words: W): (word: keyof W & string, ...fill: (string | number)[]) => string {
  return (word, ...fill) => say(words[word] as Pair, fill);
}

/** Says a word that may not be in the table, such as a state of the city's own workflow; then `other` is said. */
export function sayKnown(words: Words, word: string, other: string): string {
  const pair = words[word];
  return pair ? say(pair, []) : other;
}

function say(pair: Pair, fill: (string | number)[]): string {
  let at = 0;
  return pair[language.value === 'zh' ? 0 : 1].replaceAll('{}', () => String(fill[at++] ?? ''));
}
