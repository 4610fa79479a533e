/** Room around what is shown, pixels. The panel stands beside the map, so only controls and notices are in its way. */
export function room(): { top: number; bottom: number; left: number; right: number } {
  return { top: 48, right: 48, left: 32, bottom: 48 };
}

export function duration(): number {
  return matchMedia('(prefers-reduced-motion: reduce)').matches ? 0 : 500;
}
