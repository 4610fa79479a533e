// src/sw.ts
var e = "gridkeeper-shell-98c5870eb943", t = { ignoreVary: !0 }, n = 600;
self.addEventListener("install", (t) => {
	t.waitUntil(caches.open(e).then((e) => e.addAll(["./", .../* @__PURE__ */ "./assets/author-Bp1_4qqJ.js,./assets/basemap-Az3qDxKZ.js,./assets/border-DE07IO8C.js,./assets/browser-B_3c2Sb7.js,./assets/browser-DSl7LWWN.js,./assets/browser-d2IXlNmb.js,./assets/desk-B-Lmo1nT.js,./assets/desk-BA9LFxXA.css,./assets/desk-Bo9JE7z7.js,./assets/desk-CqSybTsr.js,./assets/desk-Cy3dKYq1.css,./assets/desk-D1LGFoUu.js,./assets/desk-DFeYbIhd.js,./assets/desk-DSj4BqVW.css,./assets/desk-LMYfTKVa.css,./assets/desk-W0jnIIXa.css,./assets/desk-r5MIJvVO.css,./assets/desk-tHaMBPR8.js,./assets/distance-7FCTQD0E.js,./assets/find-BrNPXigD.js,./assets/frame-B7D_MuAv.js,./assets/index-BS1At_q5.js,./assets/index-BaDGZvtN.css,./assets/kept-BJ36u3Jh.js,./assets/limit-DC8IBUwV.js,./assets/maplibre-CD7yT-ZB.js,./assets/maplibre-gl-worker-DTh23QKw.js,./assets/maplibre-qvkd0SPb.css,./assets/now-D3ARGo05.js,./assets/open-9XRp0bLL.js,./assets/panel-DgnyDyVs.js,./assets/picker-CeAd3yXm.js,./assets/printed-DdlSYN6q.js,./assets/rolldown-runtime-4tVxZq34.js,./assets/room-Ckw0ORHj.js,./assets/save-BOiAqzyI.js,./assets/signals.module-eixc0m9t.js,./assets/words-CXtpQcSP.js,./assets/words-DJSk55fj.js,./icon.svg,./manifest.webmanifest".split(",")])).then(() => self.skipWaiting()));
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
