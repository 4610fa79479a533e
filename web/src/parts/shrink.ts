// Makes a photo small enough for a street's network. What the camera noted beside it, such as the place, goes with its old form.

/** Longest side of a photo as it is sent, pixels. */
export const SIDE_MAX = 1600;
const QUALITY = 0.85;

/** Draws a picture anew as JPEG, at most so large, the right way up. */
export async function shrink(picture: Blob): Promise<Blob> {
  const bitmap = await createImageBitmap(picture, { imageOrientation: 'from-image' });
  const scale = Math.min(1, SIDE_MAX / Math.max(bitmap.width, bitmap.height));
  const canvas = document.createElement('canvas');
  [canvas.width, canvas.height] = [Math.max(1, Math.round(bitmap.width * scale)), Math.max(1, Math.round(bitmap.height * scale))];
  const pen = canvas.getContext('2d');
  if (!pen) throw new Error('no canvas');
  // JPEG knows no transparency.
  pen.fillStyle = '#ffffff';
  pen.fillRect(0, 0, canvas.width, canvas.height);
  pen.drawImage(bitmap, 0, 0, canvas.width, canvas.height);
  bitmap.close();
  return new Promise((done, failed) => canvas.toBlob((blob) => (blob ? done(blob) : failed(new Error('no picture'))), 'image/jpeg', QUALITY));
}
