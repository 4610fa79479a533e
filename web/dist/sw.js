// src/sw.ts
var e = "gridkeeper-shell-4a6a9e77d90c", t = { ignoreVary: !0 }, n = 600;
self.addEventListener("install", (t) => {
	t.waitUntil(caches.open(e).then((e) => e.addAll(["./", .../* @__PURE__ */ "./assets/author-BcGX2nfb.js,./assets/border-sN3dcPyw.js,./assets/browser-B_3c2Sb7.js,./assets/browser-DSl7LWWN.js,./assets/browser-d2IXlNmb.js,./assets/categories-DmzwLAy6.js,./assets/desk-0K1rqwAQ.css,./assets/desk-B8CwHK0h.js,./assets/desk-BClxZXBb.js,./assets/desk-Bc--uHYU.css,./assets/desk-BwPwMk5Y.js,./assets/desk-CWVggaYp.js,./assets/desk-CoYa5TRP.js,./assets/desk-Cy3dKYq1.css,./assets/desk-JSlI6Kfo.js,./assets/desk-LMYfTKVa.css,./assets/desk-W0jnIIXa.css,./assets/desk-r5MIJvVO.css,./assets/distance-C77mFO5Z.js,./assets/find-DosAzgiL.js,./assets/frame-Bi5OYttK.js,./assets/index-CVfJidlX.css,./assets/index-CvsxCwyX.js,./assets/kept-CdHSjhNB.js,./assets/limit-qtFPc7Xs.js,./assets/maplibre-gl-worker-DTh23QKw.js,./assets/open-qvkd0SPb.css,./assets/open-yiIbO9Yf.js,./assets/panel-BRk-XdY_.js,./assets/picker-CJbMe10Q.js,./assets/printed-B1XJb_jY.js,./assets/rolldown-runtime-4tVxZq34.js,./assets/room-Ckw0ORHj.js,./assets/save-BOiAqzyI.js,./assets/signals.module-aSeazFKl.js,./assets/words-CsBqJAZM.js,./assets/words-DPx8dSQQ.js,./icon.svg,./manifest.webmanifest".split(",")])).then(() => self.skipWaiting()));
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
