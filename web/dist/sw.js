// src/sw.ts
var e = "gridkeeper-shell-08bfa1242fb1", t = { ignoreVary: !0 }, n = 600;
self.addEventListener("install", (t) => {
	t.waitUntil(caches.open(e).then((e) => e.addAll(["./", .../* @__PURE__ */ "./assets/author-DnSEFh4T.js,./assets/basemap-CkkMSI5z.js,./assets/border-zbAgH3Qf.js,./assets/browser-B_3c2Sb7.js,./assets/browser-DSl7LWWN.js,./assets/browser-d2IXlNmb.js,./assets/categories-C1pdYWtE.js,./assets/desk-0K1rqwAQ.css,./assets/desk-B2rbswtA.js,./assets/desk-B5OWq6YS.js,./assets/desk-BA9LFxXA.css,./assets/desk-CKrRGobD.js,./assets/desk-CcpSmw__.js,./assets/desk-Cy3dKYq1.css,./assets/desk-Dylypyeo.js,./assets/desk-LMYfTKVa.css,./assets/desk-W0jnIIXa.css,./assets/desk-XhTiSpuM.js,./assets/desk-r5MIJvVO.css,./assets/distance-B2T4l0U1.js,./assets/find-Cb600QqJ.js,./assets/frame-CKUFm-qN.js,./assets/index-BaDGZvtN.css,./assets/index-BtzbS0bn.js,./assets/kept-BJ36u3Jh.js,./assets/limit-B0j9hmz_.js,./assets/maplibre-CD7yT-ZB.js,./assets/maplibre-gl-worker-DTh23QKw.js,./assets/maplibre-qvkd0SPb.css,./assets/open-BhmsScAj.js,./assets/panel-B75Kiy5p.js,./assets/picker-DQPxfP5h.js,./assets/printed-DFnjlTnD.js,./assets/rolldown-runtime-4tVxZq34.js,./assets/room-Ckw0ORHj.js,./assets/save-BOiAqzyI.js,./assets/signals.module-eixc0m9t.js,./assets/words-CX7-2-qc.js,./assets/words-q1Duneyv.js,./icon.svg,./manifest.webmanifest".split(",")])).then(() => self.skipWaiting()));
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
