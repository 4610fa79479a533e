// src/sw.ts
var e = "gridkeeper-shell-8a9c46ade2a2", t = { ignoreVary: !0 }, n = 600;
self.addEventListener("install", (t) => {
	t.waitUntil(caches.open(e).then((e) => e.addAll(["./", .../* @__PURE__ */ "./assets/author-lzx-gGHi.js,./assets/border-BPKYrEUA.js,./assets/browser-B_3c2Sb7.js,./assets/browser-DSl7LWWN.js,./assets/browser-d2IXlNmb.js,./assets/categories-BeNqWh4R.js,./assets/desk-0K1rqwAQ.css,./assets/desk-Bc--uHYU.css,./assets/desk-CWOTUGfa.js,./assets/desk-CcHDfhmx.js,./assets/desk-CdRS2Dc8.js,./assets/desk-Cw62_fBK.js,./assets/desk-Cy3dKYq1.css,./assets/desk-DB9E03-X.js,./assets/desk-LMYfTKVa.css,./assets/desk-W0jnIIXa.css,./assets/desk-m2UVY3Ng.js,./assets/desk-r5MIJvVO.css,./assets/distance-CAFJODgD.js,./assets/find-DY6eEcjp.js,./assets/frame-DdMgcPnf.js,./assets/index-Cv4YQJXu.css,./assets/index-DrvpltIy.js,./assets/kept-CdHSjhNB.js,./assets/limit-BSfJxn1O.js,./assets/maplibre-gl-worker-DTh23QKw.js,./assets/open-CN_5ixXC.js,./assets/open-qvkd0SPb.css,./assets/panel-CkZ7EGJl.js,./assets/picker-BsTRTw4p.js,./assets/printed-CidoVAbI.js,./assets/rolldown-runtime-4tVxZq34.js,./assets/room-Ckw0ORHj.js,./assets/save-BOiAqzyI.js,./assets/signals.module-aSeazFKl.js,./assets/words-BXhQ6LqO.js,./assets/words-DdLkuE2_.js,./icon.svg,./manifest.webmanifest".split(",")])).then(() => self.skipWaiting()));
}), self.addEventListener("activate", (t) => {
	t.waitUntil(caches.keys().then((t) => Promise.all(t.filter((t) => t.startsWith("gridkeeper-shell-") && t !== e).map((e) => caches.delete(e)))).then(() => self.clients.claim()));
}), self.addEventListener("fetch", (e) => {
	let { request: n } = e, a = new URL(n.url);
	n.method === "GET" && a.origin === location.origin && (/\/app\/assets\//.test(a.pathname) ? e.respondWith(caches.match(n, t).then((e) => e ?? fetch(n))) : /\/app\/(index\.html)?$/.test(a.pathname) ? e.respondWith(fetch(n).catch(() => r())) : /\/app\/config\.json$|\/styles\/|\/tiles\/boundaries|\/v1\/categories$/.test(a.pathname) && e.respondWith(i(n)));
});
async function r() {
	return await caches.match("./", t) ?? Response.error();
}
async function i(e) {
	let n = await caches.open("gridkeeper-ground");
	try {
		let t = await fetch(e);
		return t.ok && n.put(e, t.clone()).then(() => a(n)), t;
	} catch {
		return await n.match(e, t) ?? Response.error();
	}
}
async function a(e) {
	let t = await e.keys();
	await Promise.all(t.slice(0, Math.max(0, t.length - n)).map((t) => e.delete(t)));
}
