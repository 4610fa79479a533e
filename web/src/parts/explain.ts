import { Refusal } from '../api/client';
import { language } from '../i18n/language';
import { interpreter } from '../i18n/phrases';
import { sayKnown } from '../i18n/words';
import { t } from '../shell/words';
import { words as problems } from './problems/words';
import { words as sentences } from './sentences/words';

export const interpret = interpreter(sentences);

/** Says why something did not work, in the service's words where it gave any; null where it was merely given up. */
export function explain(error: unknown): string | null {
  if (error instanceof DOMException && error.name === 'AbortError') return null;
  if (error instanceof Refusal) return `${t('failed')}${t('colon')}${detailOf(error)}`;
  if (error instanceof TypeError) return t('offline');
  return `${t('failed')}${t('colon')}${error instanceof Error ? error.message : String(error)}`;
}

/** Says a refusal in the language of the page: as a whole where the sentence is known, else its kind, with the service's own words behind. */
export function detailOf({ message, problem }: Refusal): string {
  if (language.value === 'en') return message;
  const kind = sayKnown(problems, String(problem.type ?? '').split(':').at(-1) ?? '', '');
  return interpret(message) ?? (kind ? t('inWords', kind, message) : message);
}
