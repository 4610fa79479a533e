import { Refusal } from '../api/client';
import { t } from '../shell/words';

/** Says why something did not work, in the service's words where it gave any; null where it was merely given up. */
export function explain(error: unknown): string | null {
  if (error instanceof DOMException && error.name === 'AbortError') return null;
  if (error instanceof Refusal) return `${t('failed')}: ${error.message}`;
  if (error instanceof TypeError) return t('offline');
  return `${t('failed')}: ${error instanceof Error ? error.message : String(error)}`;
}
