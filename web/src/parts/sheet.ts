// Tables as people have them: CSV in UTF-8 or GBK, and workbooks. They are read and written in the browser.
import { parse, unparse } from 'papaparse';

export interface Sheet {
  name: string;
  header: string[];
  rows: string[][];
}

/** Reads the first sheet of a workbook, or a CSV. */
export async function readSheet(file: File): Promise<Sheet> {
  const name = file.name.replace(/\.[^.]*$/, '');
  const all = /\.xlsx$/i.test(file.name) ? await readWorkbook(file) : readCsv(decode(new Uint8Array(await file.arrayBuffer())));
  const [header = [], ...rows] = all.filter((row) => row.some((cell) => cell !== ''));
  return { name, header, rows };
}

export function writeCsv(header: string[], rows: string[][]): Blob {
  // With a mark of UTF-8 in front, without which Excel takes Chinese for something else.
  return new Blob(['\uFEFF', unparse([header, ...rows], { newline: '\r\n' })], { type: 'text/csv;charset=utf-8' });
}

export async function writeWorkbook(header: string[], rows: string[][], isNumber: (column: number) => boolean): Promise<Blob> {
  const { default: write } = await import('write-excel-file/browser');
  const cell = (value: string, column: number) => (isNumber(column) && value !== '' && Number.isFinite(Number(value)) ? { value: Number(value), type: Number } : { value, type: String });
  const head = header.map((value) => ({ value, type: String, fontWeight: 'bold' as const }));
  return write([head, ...rows.map((row) => row.map(cell))] as never, {}).toBlob();
}

/** Texts that are no UTF-8 are taken for GB 18030, which holds GBK. */
function decode(bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    return new TextDecoder('gb18030').decode(bytes);
  }
}

function readCsv(text: string): string[][] {
  return parse<string[]>(text, { skipEmptyLines: 'greedy' }).data.map((row) => row.map((cell) => cell.trim()));
}

async function readWorkbook(file: File): Promise<string[][]> {
  const { readSheet } = await import('read-excel-file/browser');
  const rows = await readSheet(file);
  return rows.map((row) => row.map((cell) => (cell instanceof Date ? cell.toISOString() : String(cell ?? '').trim())));
}
