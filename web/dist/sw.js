// src/sw.ts
var e = "gridkeeper-shell-555294d875c9", t = { ignoreVary: !0 }, n = 600;
self.addEventListener("install", (t) => {
	t.waitUntil(caches.open(e).then((e) => e.addAll(["./", .../* @__PURE__ */ "./assets/author-CW1Yl6Te.js,./assets/border-C-4t04Z8.js,./assets/browser-B_3c2Sb7.js,./assets/browser-DSl7LWWN.js,./assets/browser-d2IXlNmb.js,./assets/categories-B0u4pLzR.js,./assets/desk-0K1rqwAQ.css,./assets/desk-Bc--uHYU.css,./assets/desk-BvsyYIUT.js,./assets/desk-CNFwH_6i.js,./assets/desk-Ci_wh1CJ.js,./assets/desk-Cy3dKYq1.css,./assets/desk-DJcd3q6V.js,./assets/desk-LMYfTKVa.css,./assets/desk-W0jnIIXa.css,./assets/desk-bmiGp3v9.js,./assets/desk-iaKz6ZFO.js,./assets/desk-r5MIJvVO.css,./assets/distance-CaWL6t-B.js,./assets/find-XaNGo8xx.js,./assets/frame-Qmb05Z9h.js,./assets/index-CB0PrJhF.js,./assets/index-Cv4YQJXu.css,./assets/kept-CdHSjhNB.js,./assets/limit-h6byyroH.js,./assets/maplibre-gl-worker-DTh23QKw.js,./assets/open-BC8SBp1I.js,./assets/open-qvkd0SPb.css,./assets/panel-uE5ZHN50.js,./assets/picker-0mStwFXl.js,./assets/printed-Wz4W_pWl.js,./assets/rolldown-runtime-4tVxZq34.js,./assets/room-Ckw0ORHj.js,./assets/save-BOiAqzyI.js,./assets/signals.module-aSeazFKl.js,./assets/words-BSKUqMPA.js,./assets/words-C4G__PxG.js,./icon.svg,./manifest.webmanifest".split(",")])).then(() => self.skipWaiting()));
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
