// src/sw.ts
var e = "gridkeeper-shell-f9cfeb0b06be", t = { ignoreVary: !0 }, n = 600;
self.addEventListener("install", (t) => {
	t.waitUntil(caches.open(e).then((e) => e.addAll(["./", .../* @__PURE__ */ "./assets/author-DfqVvfXP.js,./assets/border-HpfFl9KM.js,./assets/browser-B_3c2Sb7.js,./assets/browser-DSl7LWWN.js,./assets/browser-d2IXlNmb.js,./assets/categories-un22gSe2.js,./assets/desk-0K1rqwAQ.css,./assets/desk-Bc--uHYU.css,./assets/desk-BkVeDtzL.js,./assets/desk-C7L53LjW.js,./assets/desk-Cu6D2ZqS.js,./assets/desk-Cy3dKYq1.css,./assets/desk-D7pQ-zZi.js,./assets/desk-DFKIDh1g.js,./assets/desk-LMYfTKVa.css,./assets/desk-W0jnIIXa.css,./assets/desk-r5MIJvVO.css,./assets/desk-r8958ldF.js,./assets/distance-Bx_CNldm.js,./assets/find-CAzu-XTn.js,./assets/frame-CqF0AKxx.js,./assets/index-Jx3iDn3g.js,./assets/index-L1OhpNMq.css,./assets/kept-CdHSjhNB.js,./assets/limit-B9dHWEvR.js,./assets/maplibre-gl-worker-DTh23QKw.js,./assets/open-BP-UdA7l.js,./assets/open-qvkd0SPb.css,./assets/panel-DbkiR9Do.js,./assets/printed-DHvX4UoY.js,./assets/rolldown-runtime-4tVxZq34.js,./assets/room-Ckw0ORHj.js,./assets/save-BOiAqzyI.js,./assets/signals.module-aSeazFKl.js,./assets/title-CUfkUeiW.js,./assets/words-BIAXLvC8.js,./assets/words-j8RNNyoo.js,./icon.svg,./manifest.webmanifest".split(",")])).then(() => self.skipWaiting()));
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
