// src/sw.ts
var e = "gridkeeper-shell-8758ba5cece9", t = { ignoreVary: !0 }, n = 600;
self.addEventListener("install", (t) => {
	t.waitUntil(caches.open(e).then((e) => e.addAll(["./", .../* @__PURE__ */ "./assets/author-BIJr7wg5.js,./assets/basemap-DiKHmDEw.js,./assets/border-DoRFrcnQ.js,./assets/browser-B_3c2Sb7.js,./assets/browser-DSl7LWWN.js,./assets/browser-d2IXlNmb.js,./assets/desk-7s5tJbMO.js,./assets/desk-95cVQCJl.js,./assets/desk-BA9LFxXA.css,./assets/desk-BlPe-7Zm.js,./assets/desk-BoVMAVD8.css,./assets/desk-C9CTW9P5.js,./assets/desk-Cy3dKYq1.css,./assets/desk-DSj4BqVW.css,./assets/desk-DZtRkzjp.js,./assets/desk-DvJT03HP.js,./assets/desk-W0jnIIXa.css,./assets/desk-r5MIJvVO.css,./assets/distance-C_IphOrq.js,./assets/find-CS1u0IBX.js,./assets/frame-Guw0wQDw.js,./assets/index-BaDGZvtN.css,./assets/index-D1g1vf8u.js,./assets/kept-BJ36u3Jh.js,./assets/limit-CYFb7hlS.js,./assets/maplibre-CD7yT-ZB.js,./assets/maplibre-gl-worker-DTh23QKw.js,./assets/maplibre-qvkd0SPb.css,./assets/now-DhCqQaJE.js,./assets/open-I0DP5AGL.js,./assets/panel-PBaAcDHn.js,./assets/picker-DZsnIjZ_.js,./assets/printed-BpJ5O86p.js,./assets/rolldown-runtime-4tVxZq34.js,./assets/room-Ckw0ORHj.js,./assets/save-BOiAqzyI.js,./assets/signals.module-eixc0m9t.js,./assets/words-DQoKUuRt.js,./assets/words-iSvwjHbv.js,./icon.svg,./manifest.webmanifest".split(",")])).then(() => self.skipWaiting()));
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
