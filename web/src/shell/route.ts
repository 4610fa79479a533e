// Which desk is open, and with what. It all stands behind the # of the address, so that it can be sent on and survives a reload.
import { signal } from '@preact/signals';

export interface Route {
  desk: string;
  query: URLSearchParams;
}

export const route = signal<Route>(read());

addEventListener('hashchange', () => {
  route.value = read();
});

/** The address of a desk. */
export function link(desk: string, members: Record<string, string | number | null | undefined> = {}): string {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(members)) if (value !== null && value !== undefined && value !== '') query.set(name, String(value));
  const written = query.toString();
  return `#/${desk}${written && `?${written}`}`;
}

/** Notes in the address what is shown: as a step of its own on the way back where the user went there, else in the stead of what stood there. */
export function note(desk: string, members: Record<string, string | number | null | undefined>, isStep = false): void {
  const hash = link(desk, members);
  if (hash === location.hash) return;
  const to = location.pathname + location.search + hash;
  if (isStep) history.pushState(null, '', to);
  else history.replaceState(null, '', to);
  route.value = read();
}

function read(): Route {
  const [path = '', query = ''] = location.hash.slice(1).split('?', 2);
  return { desk: path.split('/').filter(Boolean)[0] ?? '', query: new URLSearchParams(query) };
}
