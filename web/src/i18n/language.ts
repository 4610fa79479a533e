// Which of the two languages is spoken. Everything that reads it is drawn again when it changes.
import { signal } from '@preact/signals';

export type Language = 'zh' | 'en';

const STORED = 'gridkeeper.language';

export const language = signal<Language>(start());

export function switchLanguage(): void {
  language.value = language.value === 'zh' ? 'en' : 'zh';
  try {
    localStorage.setItem(STORED, language.value);
  } catch {
    // A browser that keeps nothing still switches for this page.
  }
}

/** The language's name as pages and formatters know it. */
export function locale(): 'zh-CN' | 'en-GB' {
  return language.value === 'zh' ? 'zh-CN' : 'en-GB';
}

function start(): Language {
  const stored = read(STORED);
  if (stored === 'zh' || stored === 'en') return stored;
  return (globalThis.navigator?.language ?? 'zh').toLowerCase().startsWith('zh') ? 'zh' : 'en';
}

function read(name: string): string | null {
  try {
    return localStorage.getItem(name);
  } catch {
    return null;
  }
}
