// What is said on the map itself.
import { speaker } from '../i18n/words';

export const words = {
  map: ['地图', 'Map'],
  zoomIn: ['放大', 'Zoom in'],
  zoomOut: ['缩小', 'Zoom out'],
  whereAmI: ['我的位置', 'Find my location'],
  nowhere: ['无法取得位置', 'Location not available'],
} as const;

export const t = speaker(words);
