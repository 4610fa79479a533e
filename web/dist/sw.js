// src/sw.ts
var e = "gridkeeper-shell-f1d06bfde5bb", t = { ignoreVary: !0 }, n = 600;
self.addEventListener("install", (t) => {
	t.waitUntil(caches.open(e).then((e) => e.addAll(["./", .../* @__PURE__ */ "./assets/author-BnGgQwfj.js,./assets/basemap-BbGhcfuv.js,./assets/border-BAHY96AB.js,./assets/browser-B_3c2Sb7.js,./assets/browser-DSl7LWWN.js,./assets/browser-d2IXlNmb.js,./assets/desk-BA9LFxXA.css,./assets/desk-BoVMAVD8.css,./assets/desk-C1zs1it0.js,./assets/desk-C5TepIqt.js,./assets/desk-C9AE3E0m.js,./assets/desk-Cy3dKYq1.css,./assets/desk-DSj4BqVW.css,./assets/desk-DSlV94K9.js,./assets/desk-LWKAkeSM.js,./assets/desk-W0jnIIXa.css,./assets/desk-kTtyAbvX.js,./assets/desk-r5MIJvVO.css,./assets/distance-DA1nILkj.js,./assets/find-DKUrDwI2.js,./assets/frame-ZRIKOJKG.js,./assets/index-BaDGZvtN.css,./assets/index-CMxQnp0M.js,./assets/kept-BJ36u3Jh.js,./assets/limit-Bco2aVrE.js,./assets/maplibre-CD7yT-ZB.js,./assets/maplibre-gl-worker-DTh23QKw.js,./assets/maplibre-qvkd0SPb.css,./assets/now-BR9phcQK.js,./assets/open-ge6UtGPz.js,./assets/panel-DQAnbf5r.js,./assets/picker-5_Xk5_vT.js,./assets/printed-Dz0Te0gl.js,./assets/rolldown-runtime-4tVxZq34.js,./assets/room-Ckw0ORHj.js,./assets/save-BOiAqzyI.js,./assets/signals.module-eixc0m9t.js,./assets/words-Dxh1cvAz.js,./assets/words-deYCd8s0.js,./icon.svg,./manifest.webmanifest".split(",")])).then(() => self.skipWaiting()));
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
