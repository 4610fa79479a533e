// The answer card: what lies here, who answers for it, how sure that is.
import type { Answer, Holder } from './service';
import { language, levelName, metres, text } from './text';

type Child = Node | string | null | undefined | false;

function element(tag: string, className: string, ...children: Child[]): HTMLElement {
  const made = document.createElement(tag);
  if (className) made.className = className;
  made.append(...children.filter((child): child is Node | string => child !== null && child !== undefined && child !== false && child !== ''));
  return made;
}

function row(name: string, ...value: Child[]): DocumentFragment {
  const fragment = document.createDocumentFragment();
  fragment.append(element('dt', '', name), element('dd', '', ...value));
  return fragment;
}

function codeButton(code: string, note: string, onCode: (code: string) => void): HTMLElement {
  const button = element('button', 'code', code) as HTMLButtonElement;
  button.type = 'button';
  button.addEventListener('click', () => onCode(code));
  return element('li', '', button, ` ${note}`);
}

function holder(holder: Holder, answer: Answer): HTMLElement {
  const { worker } = holder;
  // Where the post belongs to a coarser unit, that unit is named.
  const unit = answer.grid?.code === holder.from ? '' : ` · ${answer.path.find((step) => step.code === holder.from)?.name || holder.from}`;
  const post = element('span', 'post', text(holder.post) + unit);
  if (!worker) return element('span', 'holder', post);
  const phone = worker.phone ? (element('a', 'phone', worker.phone) as HTMLAnchorElement) : null;
  if (phone) phone.href = `tel:${worker.phone.replace(/[^\d+]/g, '')}`;
  return element('span', 'holder', element('strong', '', worker.name), post, phone);
}

/** Draws an answer. `note` is said above it; `onCode` is called where a neighbour is chosen. */
export function answerCard(answer: Answer, note: string | null, onCode: (code: string) => void): HTMLElement {
  const card = element('article', `card ${answer.status}`);
  if (note) card.append(element('p', 'note', note));
  if (answer.grid) {
    card.append(element('h2', '', answer.grid.name || answer.grid.code), element('p', 'code-line', answer.grid.code));
  }
  if (answer.status !== 'inside') card.append(element('p', answer.status === 'overlap' ? 'warning' : 'state', text(answer.status)));
  if (answer.vacant) card.append(element('p', 'warning vacant', text('vacant')));
  if (answer.ambiguous) card.append(element('p', 'warning', text('ambiguous')));
  const list = element('dl', '');
  if (answer.responsible) {
    const { responsible } = answer;
    const hidden = !responsible.worker && element('span', 'aside', text('hidden'));
    list.append(row(text('responsible'), holder(responsible, answer), hidden));
    if (responsible.fallback.length > 0) {
      list.append(row(text('fallback'), element('ul', 'plain', ...responsible.fallback.map((next) => element('li', '', holder(next, answer))))));
    }
  }
  if (answer.path.length > 0) {
    const steps = answer.path.map((unit) => element('li', '', element('span', 'level', levelName(unit.level)), ` ${unit.name || unit.code}`));
    list.append(row(text('path'), element('ol', 'path', ...steps)));
  }
  if (answer.distance_to_border_m !== null) list.append(row(text('border'), metres(answer.distance_to_border_m)));
  if (answer.alternatives.length > 0) {
    const codes = answer.alternatives.map((other) => codeButton(other.code, metres(other.distance_m), onCode));
    list.append(row(text('neighbours'), element('ul', 'plain', ...codes)));
  }
  if (answer.nearest) {
    list.append(row(text('nearest'), element('ul', 'plain', codeButton(answer.nearest.code, metres(answer.nearest.distance_m), onCode))));
  }
  list.append(row(text('position'), `${answer.position.lon.toFixed(6)}, ${answer.position.lat.toFixed(6)}`));
  if (answer.expires) {
    const until = new Date(answer.expires).toLocaleString(language() === 'zh' ? 'zh-CN' : 'en-GB', { dateStyle: 'medium', timeStyle: 'short' });
    list.append(row(text('until'), until));
  }
  card.append(list);
  return card;
}

/** Draws a unit in which no position can be asked for, so that nobody says who answers for it. */
export function unitCard(level: string, code: string, name: string, parent: string | null, onCode: (code: string) => void): HTMLElement {
  const card = element('article', 'card', element('h2', '', name || code), element('p', 'code-line', code), element('p', 'state', levelName(level)));
  if (parent) card.append(element('dl', '', row(text('path'), element('ul', 'plain', codeButton(parent, '', onCode)))));
  return card;
}

export function messageCard(message: string, isError: boolean): HTMLElement {
  const card = element('p', isError ? 'card error' : 'card waiting', message);
  if (isError) card.setAttribute('role', 'alert');
  return card;
}
