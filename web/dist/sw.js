// src/sw.ts
var e = "gridkeeper-shell-60ab702f5b1f", t = { ignoreVary: !0 }, n = 600;
self.addEventListener("install", (t) => {
	t.waitUntil(caches.open(e).then((e) => e.addAll(["./", .../* @__PURE__ */ "./assets/author-B5sCmFjV.js,./assets/border-C0TqliaB.js,./assets/browser-B_3c2Sb7.js,./assets/browser-DSl7LWWN.js,./assets/browser-d2IXlNmb.js,./assets/categories-D59nsr92.js,./assets/desk-0K1rqwAQ.css,./assets/desk-Bc--uHYU.css,./assets/desk-CCwsV4LB.js,./assets/desk-CjtQdXQI.js,./assets/desk-Cy3dKYq1.css,./assets/desk-DBKmXIiS.js,./assets/desk-DZyOTAZC.js,./assets/desk-LMYfTKVa.css,./assets/desk-W0jnIIXa.css,./assets/desk-gS6PoBG3.js,./assets/desk-ozYBJscI.js,./assets/desk-r5MIJvVO.css,./assets/distance-gQWLG_0G.js,./assets/find-Zkswxg2B.js,./assets/frame-Cv8QbtAH.js,./assets/index-Ct6o0D83.js,./assets/index-Cv4YQJXu.css,./assets/kept-CdHSjhNB.js,./assets/limit-CEXIWya2.js,./assets/maplibre-gl-worker-DTh23QKw.js,./assets/open-D4XwSDwT.js,./assets/open-qvkd0SPb.css,./assets/panel-CktCgRUq.js,./assets/picker-Bghddyp5.js,./assets/printed-BFMzftCF.js,./assets/rolldown-runtime-4tVxZq34.js,./assets/room-Ckw0ORHj.js,./assets/save-BOiAqzyI.js,./assets/signals.module-aSeazFKl.js,./assets/words-ADTASKN-.js,./assets/words-CX5zKxw8.js,./icon.svg,./manifest.webmanifest".split(",")])).then(() => self.skipWaiting()));
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
