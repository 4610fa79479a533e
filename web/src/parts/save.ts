/** Hands a file over to whoever sits at the browser. */
export function save(blob: Blob, name: string): void {
  const anchor = document.createElement('a');
  anchor.href = URL.createObjectURL(blob);
  anchor.download = name;
  anchor.click();
  // The browser takes the file after this turn.
  setTimeout(() => URL.revokeObjectURL(anchor.href), 10_000);
}
