// Keeps the page itself on the device, so that it opens without a network. What the service answers is kept elsewhere, by the desks.
/// <reference lib="webworker" />
export type {};

declare const self: ServiceWorkerGlobalScope;
declare const __FILES__: string[];
declare const __VERSION__: string;

const SHELL = `gridkeeper-shell-${__VERSION__}`;
/** Settings, style, tiles and categories, as they were last seen. */
const GROUND = 'gridkeeper-ground';
/** What is kept has one form, while the service says that its answers differ by what is asked for. */
const KEPT = { ignoreVary: true };
/** Tiles kept, the oldest of which go first. */
const GROUND_MAX = 600;

self.addEventListener('install', (event) => {
  event.waitUntil(caches.open(SHELL).then((cache) => cache.addAll(['./', ...__FILES__])).then(() => self.skipWaiting()));
});

self.addEventListener('activate', (event) => {
  event.waitUntil(
    caches.keys()
      .then((names) => Promise.all(names.filter((name) => name.startsWith('gridkeeper-shell-') && name !== SHELL).map((name) => caches.delete(name))))
      .then(() => self.clients.claim()),
  );
});

self.addEventListener('fetch', (event) => {
  const { request } = event;
  const url = new URL(request.url);
  if (request.method !== 'GET' || url.origin !== location.origin) return;
  if (/\/app\/assets\//.test(url.pathname)) event.respondWith(caches.match(request, KEPT).then((found) => found ?? fetch(request)));
  else if (/\/app\/(index\.html)?$/.test(url.pathname)) event.respondWith(fetch(request).catch(() => shell()));
  else if (/\/app\/config\.json$|\/styles\/|\/tiles\/boundaries|\/v1\/categories$/.test(url.pathname)) event.respondWith(freshOrKept(request));
});

async function shell(): Promise<Response> {
  return (await caches.match('./', KEPT)) ?? Response.error();
}

/** What the service says now; without a network what it said last. */
async function freshOrKept(request: Request): Promise<Response> {
  const cache = await caches.open(GROUND);
  try {
    const response = await fetch(request);
    if (response.ok) void cache.put(request, response.clone()).then(() => trim(cache));
    return response;
  } catch {
    return (await cache.match(request, KEPT)) ?? Response.error();
  }
}

async function trim(cache: Cache): Promise<void> {
  const requests = await cache.keys();
  await Promise.all(requests.slice(0, Math.max(0, requests.length - GROUND_MAX)).map((request) => cache.delete(request)));
}
