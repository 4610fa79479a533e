// src/sw.ts
var e = "gridkeeper-shell-cc13e2dc25fa", t = { ignoreVary: !0 }, n = 600;
self.addEventListener("install", (t) => {
	t.waitUntil(caches.open(e).then((e) => e.addAll(["./", .../* @__PURE__ */ "./assets/author-D-E4Juxo.js,./assets/basemap-BSfGxQeS.js,./assets/border-eWBIPmwN.js,./assets/browser-B_3c2Sb7.js,./assets/browser-DSl7LWWN.js,./assets/browser-d2IXlNmb.js,./assets/desk-BA9LFxXA.css,./assets/desk-BWobKa-6.js,./assets/desk-BoVMAVD8.css,./assets/desk-Bxum6f42.js,./assets/desk-Cy3dKYq1.css,./assets/desk-DPeD6WRY.js,./assets/desk-DSj4BqVW.css,./assets/desk-DlI1F1Sc.js,./assets/desk-FznUD8db.js,./assets/desk-W0jnIIXa.css,./assets/desk-r5MIJvVO.css,./assets/desk-yYibk-sg.js,./assets/distance-ZXQLFonx.js,./assets/find-q8x8I4NF.js,./assets/frame-CrjGdtpL.js,./assets/index-BaDGZvtN.css,./assets/index-DoDW2CD0.js,./assets/kept-BJ36u3Jh.js,./assets/limit-CrXZlj6j.js,./assets/maplibre-CD7yT-ZB.js,./assets/maplibre-gl-worker-DTh23QKw.js,./assets/maplibre-qvkd0SPb.css,./assets/now-CIqPaEWA.js,./assets/open-DB2tmcEK.js,./assets/panel-DmAZM9VA.js,./assets/picker-BDUSweUx.js,./assets/printed-DJCqYNjD.js,./assets/rolldown-runtime-4tVxZq34.js,./assets/room-Ckw0ORHj.js,./assets/save-BOiAqzyI.js,./assets/signals.module-eixc0m9t.js,./assets/words-Z3bD76aH.js,./assets/words-hnTdSxea.js,./icon.svg,./manifest.webmanifest".split(",")])).then(() => self.skipWaiting()));
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
