// src/sw.ts
var e = "gridkeeper-shell-a590f390d920", t = { ignoreVary: !0 }, n = 600;
self.addEventListener("install", (t) => {
	t.waitUntil(caches.open(e).then((e) => e.addAll(["./", .../* @__PURE__ */ "./assets/author-CVFRT4oP.js,./assets/basemap-p7SNH5tJ.js,./assets/border-DP-OaGfD.js,./assets/browser-B_3c2Sb7.js,./assets/browser-DSl7LWWN.js,./assets/browser-d2IXlNmb.js,./assets/desk-BA9LFxXA.css,./assets/desk-BoVMAVD8.css,./assets/desk-CKsPsdDZ.js,./assets/desk-CshYdEZ_.js,./assets/desk-CxHzLLOj.js,./assets/desk-Cy3dKYq1.css,./assets/desk-DSj4BqVW.css,./assets/desk-DaO9C17x.js,./assets/desk-NKV_3DF5.js,./assets/desk-W0jnIIXa.css,./assets/desk-WXUVmsFv.js,./assets/desk-r5MIJvVO.css,./assets/distance-CTwTwjdf.js,./assets/find-CgLcYij8.js,./assets/frame-CYFuYMsG.js,./assets/index-BaDGZvtN.css,./assets/index-BpAFh-CL.js,./assets/kept-BJ36u3Jh.js,./assets/limit-C00jyIH_.js,./assets/maplibre-CD7yT-ZB.js,./assets/maplibre-gl-worker-DTh23QKw.js,./assets/maplibre-qvkd0SPb.css,./assets/now-BLfTppCJ.js,./assets/open-D7kHWH5Q.js,./assets/panel-ROCePJ3S.js,./assets/picker-DiB4ndqk.js,./assets/printed-BWNw_Oov.js,./assets/rolldown-runtime-4tVxZq34.js,./assets/room-Ckw0ORHj.js,./assets/save-BOiAqzyI.js,./assets/signals.module-eixc0m9t.js,./assets/words-B0jXOu6Z.js,./assets/words-CtmEsCiw.js,./icon.svg,./manifest.webmanifest".split(",")])).then(() => self.skipWaiting()));
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
