// src/sw.ts
var e = "gridkeeper-shell-4b6dfa1a1ee1", t = { ignoreVary: !0 }, n = 600;
self.addEventListener("install", (t) => {
	t.waitUntil(caches.open(e).then((e) => e.addAll(["./", .../* @__PURE__ */ "./assets/author-Nk1pVrAa.js,./assets/basemap-jRMCWNON.js,./assets/border-CB01CSev.js,./assets/browser-B_3c2Sb7.js,./assets/browser-DSl7LWWN.js,./assets/browser-d2IXlNmb.js,./assets/categories-Du85N3eV.js,./assets/desk-0K1rqwAQ.css,./assets/desk-Bc--uHYU.css,./assets/desk-C-XFvMRT.js,./assets/desk-Cy3dKYq1.css,./assets/desk-DMZHI4b8.js,./assets/desk-DiiDX2g-.js,./assets/desk-LMYfTKVa.css,./assets/desk-W0jnIIXa.css,./assets/desk-Wb9Z9u71.js,./assets/desk-kMeWx2Ez.js,./assets/desk-nfGGXg2B.js,./assets/desk-r5MIJvVO.css,./assets/distance-1xS6ILUF.js,./assets/find-Dc0ZlgYX.js,./assets/frame-BZZtF8MY.js,./assets/index-CVfJidlX.css,./assets/index-DqpiyVWu.js,./assets/kept-BJ36u3Jh.js,./assets/limit-B51zLLul.js,./assets/maplibre-CD7yT-ZB.js,./assets/maplibre-gl-worker-DTh23QKw.js,./assets/maplibre-qvkd0SPb.css,./assets/open-DIF6dFea.js,./assets/panel-Dn2HE2pK.js,./assets/picker-CwCZEji9.js,./assets/printed-CzMt9juN.js,./assets/rolldown-runtime-4tVxZq34.js,./assets/room-Ckw0ORHj.js,./assets/save-BOiAqzyI.js,./assets/signals.module-eixc0m9t.js,./assets/words-SFKzKMPc.js,./assets/words-dtLt2wIl.js,./icon.svg,./manifest.webmanifest".split(",")])).then(() => self.skipWaiting()));
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
