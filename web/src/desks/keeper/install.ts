/** Has the page kept on the device, so that it opens without a network and can be installed. */
export function installOffline(): void {
  if (!('serviceWorker' in navigator)) return;
  // A page that is not kept works all the same while there is a network.
  navigator.serviceWorker.register('./sw.js').catch(() => undefined);
}
