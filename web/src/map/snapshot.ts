// The map as a picture, for paper: what a canvas shows is not printed of itself.
import { type ReadonlySignal, useSignal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import { map } from './view';

/** Draws the map now, without some of its layers, and returns it as a picture; null where there is none, or nothing of it is to be seen. */
function snapshot(without: readonly string[]): string | null {
  const shown = map.peek();
  const canvas = shown?.getCanvas();
  if (!shown || !canvas || canvas.clientWidth < 2 || getComputedStyle(canvas).visibility === 'hidden') return null;
  const hidden = without.filter((layer) => shown.getLayer(layer) && shown.getLayoutProperty(layer, 'visibility') !== 'none');
  const show = (visibility: 'none' | 'visible'): void => hidden.forEach((layer) => shown.setLayoutProperty(layer, 'visibility', visibility));
  show('none');
  // What was drawn is only there to be read until the browser has shown it.
  shown.redraw();
  const picture = canvas.toDataURL('image/png');
  show('visible');
  return picture;
}

/** The pictures that go onto paper, one without each of some sets of layers: taken as the page is about to be printed, and let go of after. `views` is to be a constant. */
export function usePrinted(views: readonly (readonly string[])[]): ReadonlySignal<readonly string[]> {
  const printed = useSignal<readonly string[]>([]);
  useEffect(() => {
    const before = (): void => void (printed.value = views.map(snapshot).filter((picture) => picture !== null));
    const after = (): void => void (printed.value = []);
    addEventListener('beforeprint', before);
    addEventListener('afterprint', after);
    return () => {
      removeEventListener('beforeprint', before);
      removeEventListener('afterprint', after);
    };
  }, [views]);
  return printed;
}

/** Prints the page with the map. The pictures are taken first: a page that is printed by a script has no time to draw them between. */
export async function printPage(): Promise<void> {
  dispatchEvent(new Event('beforeprint'));
  await new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve)));
  await Promise.all([...document.querySelectorAll<HTMLImageElement>('.printed img')].map((image) => image.decode().catch(() => undefined)));
  print();
}
