// src/sw.ts
var e = "gridkeeper-shell-d824507b8bf5", t = { ignoreVary: !0 }, n = 600;
self.addEventListener("install", (t) => {
	t.waitUntil(caches.open(e).then((e) => e.addAll(["./", .../* @__PURE__ */ "./assets/author-BqacXzb8.js,./assets/border-Bej6iQE9.js,./assets/browser-B_3c2Sb7.js,./assets/browser-DSl7LWWN.js,./assets/browser-d2IXlNmb.js,./assets/categories-CctmDO6P.js,./assets/desk-0K1rqwAQ.css,./assets/desk-BBmwrkFg.js,./assets/desk-BaE-5ey5.js,./assets/desk-Bc--uHYU.css,./assets/desk-CNXjmGm2.js,./assets/desk-C_nNy65W.js,./assets/desk-Cy3dKYq1.css,./assets/desk-Dku21L1V.js,./assets/desk-KRy1S7Ny.js,./assets/desk-LMYfTKVa.css,./assets/desk-W0jnIIXa.css,./assets/desk-r5MIJvVO.css,./assets/distance-DrEuVEnJ.js,./assets/find-DcmWy8DB.js,./assets/frame-BheFHpVe.js,./assets/index-BBjlcXT8.js,./assets/index-Cv4YQJXu.css,./assets/kept-CdHSjhNB.js,./assets/limit-DTbnCNu4.js,./assets/maplibre-gl-worker-DTh23QKw.js,./assets/open-DXZACpO4.js,./assets/open-qvkd0SPb.css,./assets/panel-BeXD0NjL.js,./assets/picker-B-bz3tKa.js,./assets/printed-Bsuugq2v.js,./assets/rolldown-runtime-4tVxZq34.js,./assets/room-Ckw0ORHj.js,./assets/save-BOiAqzyI.js,./assets/signals.module-aSeazFKl.js,./assets/words-C4ZjIWP6.js,./assets/words-vbn1hask.js,./icon.svg,./manifest.webmanifest".split(",")])).then(() => self.skipWaiting()));
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
