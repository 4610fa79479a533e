// src/sw.ts
var e = "gridkeeper-shell-3f54e1b207d9", t = { ignoreVary: !0 }, n = 600;
self.addEventListener("install", (t) => {
	t.waitUntil(caches.open(e).then((e) => e.addAll(["./", .../* @__PURE__ */ "./assets/author-DgP5LjaE.js,./assets/basemap-h_27zn8b.js,./assets/border-6XZ6BQem.js,./assets/browser-B_3c2Sb7.js,./assets/browser-DSl7LWWN.js,./assets/browser-d2IXlNmb.js,./assets/categories-DQZomhHW.js,./assets/desk-0K1rqwAQ.css,./assets/desk-B0Ava8CE.js,./assets/desk-B4HnnbiK.js,./assets/desk-Bc--uHYU.css,./assets/desk-BrmdLRYi.js,./assets/desk-BtkcWrQc.js,./assets/desk-Cy3dKYq1.css,./assets/desk-DZRNaFUN.js,./assets/desk-LMYfTKVa.css,./assets/desk-W0jnIIXa.css,./assets/desk-dlz3jmsc.js,./assets/desk-r5MIJvVO.css,./assets/distance-CNJkBJDe.js,./assets/find-B7tqGiMB.js,./assets/frame-BDthtKHg.js,./assets/index-BaDGZvtN.css,./assets/index-C-il8qeG.js,./assets/kept-BJ36u3Jh.js,./assets/limit-D5vx84JS.js,./assets/maplibre-CD7yT-ZB.js,./assets/maplibre-gl-worker-DTh23QKw.js,./assets/maplibre-qvkd0SPb.css,./assets/open-C63bAliP.js,./assets/panel-ChCQp-5A.js,./assets/picker-B5i7Nq3x.js,./assets/printed-BoruDd8w.js,./assets/rolldown-runtime-4tVxZq34.js,./assets/room-Ckw0ORHj.js,./assets/save-BOiAqzyI.js,./assets/signals.module-eixc0m9t.js,./assets/words-CNW0CXyq.js,./assets/words-DOTVEW_o.js,./icon.svg,./manifest.webmanifest".split(",")])).then(() => self.skipWaiting()));
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
