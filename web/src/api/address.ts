// Where the service is. The page may be served behind any prefix, so addresses are counted from its own.
const ROOT = new URL('../', location.href.split('#')[0]);

export function address(path: string): string {
  return new URL(path, ROOT).href;
}

/** Whether an address is the service's own, and so may be asked with the key. */
export function isOwn(url: string): boolean {
  return new URL(url, ROOT).origin === ROOT.origin;
}

/** Turns an address that the service gave into one that this page can reach: the service may call itself by another name. */
export function reachable(href: string, from: string): string {
  const { pathname, search } = new URL(href, ROOT);
  const at = pathname.indexOf(from);
  return address(`${at < 0 ? pathname.slice(1) : pathname.slice(at + 1)}${search}`);
}
