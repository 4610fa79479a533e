// src/sw.ts
var e = "gridkeeper-shell-9596d3ee2c32", t = { ignoreVary: !0 }, n = 600;
self.addEventListener("install", (t) => {
	t.waitUntil(caches.open(e).then((e) => e.addAll(["./", .../* @__PURE__ */ "./assets/author-DbO53cQR.js,./assets/basemap-Cbs7QVSo.js,./assets/border-BSxfl_U5.js,./assets/browser-B_3c2Sb7.js,./assets/browser-DSl7LWWN.js,./assets/browser-d2IXlNmb.js,./assets/categories-BCZd40DU.js,./assets/desk-0K1rqwAQ.css,./assets/desk-8s4wBFDV.js,./assets/desk-Bc--uHYU.css,./assets/desk-C1Z0yVyN.js,./assets/desk-ChR_vi0T.js,./assets/desk-Cw5Az0A3.js,./assets/desk-Cy3dKYq1.css,./assets/desk-D0ZQgzd0.js,./assets/desk-D3KqZ22A.js,./assets/desk-LMYfTKVa.css,./assets/desk-W0jnIIXa.css,./assets/desk-r5MIJvVO.css,./assets/distance-Brgcjbfz.js,./assets/find-CQagLpII.js,./assets/frame-ooy_eRP3.js,./assets/index-BM7LTd94.js,./assets/index-BaDGZvtN.css,./assets/kept-BJ36u3Jh.js,./assets/limit-Cuq4_Xb7.js,./assets/maplibre-CD7yT-ZB.js,./assets/maplibre-gl-worker-DTh23QKw.js,./assets/maplibre-qvkd0SPb.css,./assets/open-ut1cj45O.js,./assets/panel-DlxTVAHX.js,./assets/picker-DLKXhXzL.js,./assets/printed-P_U3m0Ql.js,./assets/rolldown-runtime-4tVxZq34.js,./assets/room-Ckw0ORHj.js,./assets/save-BOiAqzyI.js,./assets/signals.module-eixc0m9t.js,./assets/words-BOVzNKJQ.js,./assets/words-Bw55kUKa.js,./icon.svg,./manifest.webmanifest".split(",")])).then(() => self.skipWaiting()));
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
