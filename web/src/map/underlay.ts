import type { StyleSpecification } from 'maplibre-gl';

/** Puts layers under the boundaries and lets them shine through the fills. */
export function addUnderlay(style: StyleSpecification, layers: StyleSpecification['layers']): void {
  const background = style.layers.findIndex((layer) => layer.type === 'background');
  style.layers.splice(background + 1, 0, ...layers);
  for (const layer of style.layers) {
    if (layer.type === 'fill' && layer.source === 'boundaries' && layer.id !== 'grid-fill') {
      layer.paint = { ...layer.paint, 'fill-opacity': layer.id.startsWith('district') ? 0 : 0.35 };
    }
  }
}

export function escapeHtml(plain: string): string {
  return plain.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}
