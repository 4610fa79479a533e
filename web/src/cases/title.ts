// Titles of states and moves. The city's own are in its language; those of the workflows that stand in the program are known in English too.
import { settings } from '../api/settings';
import { language } from '../i18n/language';
import { t, words } from './words';

/** The title of a state or a move: the city's own where it is in the language of the page, else ours where it is known. */
export function titleOf(name: string | null | undefined, title?: string | null): string {
  if (name === null || name === undefined) return t('record');
  const known = name in words ? t(name as keyof typeof words) : null;
  const { states = [], actions = [] } = settings.value?.workflow ?? {};
  const own = title ?? [...states, ...actions].find((one) => one.name === name)?.title;
  const isOwn = language.value === 'zh' && own !== undefined && /\p{Script=Han}/u.test(own);
  return (isOwn ? own : (known ?? own)) ?? name;
}

/** The title of a state, of which only what the city calls it is known. */
export function stateTitled(title: string | null): string {
  const state = settings.value?.workflow.states.find((one) => one.title === title);
  return state ? titleOf(state.name, state.title) : (title ?? '');
}

/** To whom a case has gone up, in the language of the page where the workflows in the program name it. */
export function calledOn(name: string): string {
  const known = Object.entries(words).find(([, pair]) => pair.some((said) => said === name))?.[0];
  return known ? t(known as keyof typeof words) : name;
}
