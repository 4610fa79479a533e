// src/sw.ts
var e = "gridkeeper-shell-13454e4951a2", t = { ignoreVary: !0 }, n = 600;
self.addEventListener("install", (t) => {
	t.waitUntil(caches.open(e).then((e) => e.addAll(["./", .../* @__PURE__ */ "./assets/border-Enydx3B0.js,./assets/browser-B_3c2Sb7.js,./assets/browser-DSl7LWWN.js,./assets/browser-d2IXlNmb.js,./assets/categories-Cj6bIJHT.js,./assets/desk-B-dJA_Aa.css,./assets/desk-B0cer0Sy.css,./assets/desk-BJaNjdCB.css,./assets/desk-BTmm8KzW.js,./assets/desk-BVgiiiAY.css,./assets/desk-CC0IulwN.js,./assets/desk-CRm-b193.js,./assets/desk-D2L4a0Pb.js,./assets/desk-DAG2KfnY.js,./assets/desk-Dz4NmOMX.js,./assets/desk-L9syDDuy.css,./assets/desk-W0jnIIXa.css,./assets/form-B9JCC9Qy.js,./assets/frame-BTsoeGsv.js,./assets/index-BL81yhpp.js,./assets/index-CnYPzVzJ.css,./assets/kept-Tr0ldOOc.js,./assets/limit-FXd948hA.js,./assets/maplibre-gl-worker-DTh23QKw.js,./assets/open--lPYz0Vx.js,./assets/open-qvkd0SPb.css,./assets/panel-DWAnFfWx.js,./assets/parse-DffnFoDM.js,./assets/position-BeIiOGmL.js,./assets/rolldown-runtime-4tVxZq34.js,./assets/room-Ckw0ORHj.js,./assets/save-BOiAqzyI.js,./assets/signals.module-D1dMjgS_.js,./icon.svg,./manifest.webmanifest".split(",")])).then(() => self.skipWaiting()));
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
