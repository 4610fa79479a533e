// src/sw.ts
var e = "gridkeeper-shell-ca1e83c91333", t = { ignoreVary: !0 }, n = 600;
self.addEventListener("install", (t) => {
	t.waitUntil(caches.open(e).then((e) => e.addAll(["./", .../* @__PURE__ */ "./assets/author-56Gm8-6Y.js,./assets/basemap-DllmFXfw.js,./assets/border-DddErOtZ.js,./assets/browser-B_3c2Sb7.js,./assets/browser-DSl7LWWN.js,./assets/browser-d2IXlNmb.js,./assets/categories-CNyAbQMr.js,./assets/desk-0K1rqwAQ.css,./assets/desk-BRarpUI-.js,./assets/desk-Bc--uHYU.css,./assets/desk-BoybbYIQ.js,./assets/desk-CdrpB7Uj.js,./assets/desk-Cy3dKYq1.css,./assets/desk-DlSHQHh1.js,./assets/desk-IHyBhXFy.js,./assets/desk-LMYfTKVa.css,./assets/desk-W0jnIIXa.css,./assets/desk-lDHx0P3i.js,./assets/desk-r5MIJvVO.css,./assets/distance-CmOr920i.js,./assets/find-Dz7crzD6.js,./assets/frame-D5WbjxPi.js,./assets/index-CVfJidlX.css,./assets/index-Cc1YOSHt.js,./assets/kept-CdHSjhNB.js,./assets/limit-Bgn3xyjL.js,./assets/maplibre-CD7yT-ZB.js,./assets/maplibre-gl-worker-DTh23QKw.js,./assets/maplibre-qvkd0SPb.css,./assets/open-f4n5UZ0m.js,./assets/panel-DJKdBpAV.js,./assets/picker-C7rR40Y5.js,./assets/printed-CYFvteuk.js,./assets/rolldown-runtime-4tVxZq34.js,./assets/room-Ckw0ORHj.js,./assets/save-BOiAqzyI.js,./assets/signals.module-aSeazFKl.js,./assets/words-D3wijvk_.js,./assets/words-Nc8g8rIX.js,./icon.svg,./manifest.webmanifest".split(",")])).then(() => self.skipWaiting()));
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
