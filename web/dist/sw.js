// src/sw.ts
var e = "gridkeeper-shell-b1f088a3b18d", t = { ignoreVary: !0 }, n = 600;
self.addEventListener("install", (t) => {
	t.waitUntil(caches.open(e).then((e) => e.addAll(["./", .../* @__PURE__ */ "./assets/author-DUXiBiXv.js,./assets/border-CDRI_Ta7.js,./assets/browser-B_3c2Sb7.js,./assets/browser-DSl7LWWN.js,./assets/browser-d2IXlNmb.js,./assets/categories-D5GlogNq.js,./assets/desk-0K1rqwAQ.css,./assets/desk-11fe_6cn.js,./assets/desk-B8pYuEZk.js,./assets/desk-BSkppNMC.js,./assets/desk-Bc--uHYU.css,./assets/desk-Cy3dKYq1.css,./assets/desk-DvpzzjEM.js,./assets/desk-LMYfTKVa.css,./assets/desk-Mr7oH7Lc.js,./assets/desk-W0jnIIXa.css,./assets/desk-r5MIJvVO.css,./assets/desk-yHnfOPxy.js,./assets/distance-RdUGFRXT.js,./assets/find-Bclncsbr.js,./assets/frame-BfTFf2Qz.js,./assets/index-BBJc6ipo.js,./assets/index-CVfJidlX.css,./assets/kept-CdHSjhNB.js,./assets/limit-CgylQe1H.js,./assets/maplibre-gl-worker-DTh23QKw.js,./assets/open-CjeHjC5s.js,./assets/open-qvkd0SPb.css,./assets/panel-C-DoaAZm.js,./assets/picker-DcUoamN1.js,./assets/printed-Gjo38ZOo.js,./assets/rolldown-runtime-4tVxZq34.js,./assets/room-Ckw0ORHj.js,./assets/save-BOiAqzyI.js,./assets/signals.module-aSeazFKl.js,./assets/words-B0dwO3Uy.js,./assets/words-DuAYw-eU.js,./icon.svg,./manifest.webmanifest".split(",")])).then(() => self.skipWaiting()));
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
