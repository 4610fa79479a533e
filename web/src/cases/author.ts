// Who wrote something, and where a case came from, as people say it.
import { words as shell, t as say } from '../shell/words';
import { words as reports, t as report } from './report/words';
import { t } from './words';

/** Letters of a key's hash that are shown: enough to tell one from another. */
const HASH_LETTERS = 8;

/** The author of a write: the service, nobody in particular, a key by the beginning of its hash, or whom the issuer of tokens names. */
export function authorName(author: string): string {
  const [kind, rest = ''] = author.split(' ', 2);
  if (author === 'service') return t('service');
  if (author === 'public') return t('nobody');
  if (kind === 'key') return t('byKey', rest.slice(0, HASH_LETTERS));
  return kind === 'token' ? t('byToken', rest) : author;
}

export function roleName(role: string): string {
  const word = role === 'planner' ? 'plannerRole' : role;
  return word in shell ? say(word as keyof typeof shell) : role;
}

/** The source of a case; one that is not ours is said as it was sent. */
export function sourceName(source: string): string {
  return source in reports ? report(source as keyof typeof reports) : source;
}
