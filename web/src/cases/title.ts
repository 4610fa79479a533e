// Titles of states and moves. The city's own are in its language; those of the workflows that stand in the program are known in English too.
import { settings } from '../api/settings';
import { language } from '../i18n/language';
import { t, words } from './words';

/** The title of a state or a move: the city's own in Chinese, in English ours where it is known. */
export function titleOf(name: string | null | undefined, title?: string | null): string {
  if (name === null || name === undefined) return t('record');
  const known = name in words ? t(name as keyof typeof words) : null;
  const { states = [], actions = [] } = settings.value?.workflow ?? {};
  const own = title ?? [...states, ...actions].find((one) => one.name === name)?.title;
  return language.value === 'zh' ? (own ?? known ?? name) : (known ?? own ?? name);
}
