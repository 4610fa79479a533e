// src/sw.ts
var e = "gridkeeper-shell-24ce591e1778", t = { ignoreVary: !0 }, n = 600;
self.addEventListener("install", (t) => {
	t.waitUntil(caches.open(e).then((e) => e.addAll(["./", .../* @__PURE__ */ "./assets/author-GEs73-qi.js,./assets/border-9D2TAbix.js,./assets/browser-B_3c2Sb7.js,./assets/browser-DSl7LWWN.js,./assets/browser-d2IXlNmb.js,./assets/categories-D8rQfQij.js,./assets/desk-0K1rqwAQ.css,./assets/desk-B7bFVgkn.js,./assets/desk-BG45TbOz.js,./assets/desk-Bc--uHYU.css,./assets/desk-CRRlYz3o.js,./assets/desk-C_XOQv5B.js,./assets/desk-Cy3dKYq1.css,./assets/desk-LMYfTKVa.css,./assets/desk-W0jnIIXa.css,./assets/desk-Y62ogI7K.js,./assets/desk-ofhiSYSg.js,./assets/desk-r5MIJvVO.css,./assets/distance-BDi2GS6y.js,./assets/find-DxCqgmrS.js,./assets/frame-j075OYY_.js,./assets/index-Cv4YQJXu.css,./assets/index-VAw7DJnp.js,./assets/kept-CdHSjhNB.js,./assets/limit-C5OGft4J.js,./assets/maplibre-gl-worker-DTh23QKw.js,./assets/open-B_PO31gg.js,./assets/open-qvkd0SPb.css,./assets/panel-C4SjUHE3.js,./assets/picker-BZeK-SYu.js,./assets/printed-BiR_Afy6.js,./assets/rolldown-runtime-4tVxZq34.js,./assets/room-Ckw0ORHj.js,./assets/save-BOiAqzyI.js,./assets/signals.module-aSeazFKl.js,./assets/words-BdnicJZ-.js,./assets/words-DOZ2WtSv.js,./icon.svg,./manifest.webmanifest".split(",")])).then(() => self.skipWaiting()));
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
