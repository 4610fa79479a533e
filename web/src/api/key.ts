// The key that the page asks with. It is kept for the tab alone, or for the device where its owner says so.
const STORED = 'gridkeeper.key';

/** Takes a key out of the page's address, so that it is neither seen nor handed on. */
export function takeKeyFromAddress(): void {
  const fragment = location.hash.slice(1);
  const [path, query] = fragment.includes('?') ? fragment.split('?', 2) : fragment.startsWith('/') ? [fragment, ''] : ['', fragment];
  const members = new URLSearchParams(query);
  const found = members.get('key');
  if (found === null) return;
  setKey(found, false);
  members.delete('key');
  const rest = members.toString();
  const hash = path ? `${path}${rest && `?${rest}`}` : rest;
  history.replaceState(null, '', location.pathname + location.search + (hash && `#${hash}`));
}

export function key(): string | null {
  try {
    return sessionStorage.getItem(STORED) ?? localStorage.getItem(STORED);
  } catch {
    return null;
  }
}

/** Keeps a key for this tab, or for this device until it is forgotten; null forgets it everywhere. */
export function setKey(key: string | null, isForDevice: boolean): void {
  sessionStorage.removeItem(STORED);
  localStorage.removeItem(STORED);
  if (key) (isForDevice ? localStorage : sessionStorage).setItem(STORED, key);
}

export function headers(): Record<string, string> {
  const given = key();
  return given ? { Authorization: `Bearer ${given}` } : {};
}
