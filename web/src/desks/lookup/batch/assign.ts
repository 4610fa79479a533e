// Assigns the rows of a table, part by part, so that it is known how far it has got.
import { address } from '../../../api/address';
import { refusal } from '../../../api/client';
import { headers } from '../../../api/key';
import type { Sheet } from '../../../parts/sheet';
import type { Columns } from './columns';

/** What a row was answered; the columns that are added to the table. */
export interface Assigned {
  grid_code: string;
  grid_name: string;
  worker_id: string;
  status: string;
  distance_to_border_m: string;
  ambiguous: string;
  error: string;
  position: { lon: number; lat: number } | null;
}

export const ADDED = ['grid_code', 'grid_name', 'worker_id', 'status', 'distance_to_border_m', 'ambiguous', 'error'] as const;

/** Rows asked for in one request: enough to be fast, few enough to see it move. */
const PART_ROWS = 1000;

interface Answer {
  status: string;
  error?: string;
  position?: { lon: number; lat: number };
  grid?: { code: string; name: string } | null;
  responsible?: { worker?: { id: string } } | null;
  distance_to_border_m?: number | null;
  ambiguous?: boolean;
}

/** Assigns all rows in their order, and hands over each part as it comes. Ends early where it is aborted. */
export async function assignRows(sheet: Sheet, columns: Columns, crs: string, signal: AbortSignal, onPart: (from: number, part: Assigned[]) => void): Promise<void> {
  for (let from = 0; from < sheet.rows.length; from += PART_ROWS) {
    const rows = sheet.rows.slice(from, from + PART_ROWS);
    onPart(from, await assignPart(rows, columns, crs, signal));
  }
}

async function assignPart(rows: string[][], columns: Columns, crs: string, signal: AbortSignal): Promise<Assigned[]> {
  const body = rows.map((row) => ({ lon: number(row[columns.lon]), lat: number(row[columns.lat]) }));
  const query = new URLSearchParams({ fields: 'status,position,grid,responsible,distance_to_border_m,ambiguous', ...(crs && { crs }) });
  const response = await fetch(address(`v1/locate?${query}`), {
    method: 'POST', signal, headers: { 'Content-Type': 'application/json', Accept: 'application/json', ...headers() }, body: JSON.stringify(body),
  });
  if (!response.ok) throw await refusal(response);
  const answers = (await response.json()) as Answer[];
  return rows.map((_, at) => toAssigned(answers[at]));
}

/** What is no number is sent as it stands, so that the service says what is wrong with it. */
function number(text: string | undefined): number | string {
  const plain = (text ?? '').normalize('NFKC').trim();
  return plain !== '' && Number.isFinite(Number(plain)) ? Number(plain) : plain;
}

function toAssigned(answer: Answer | undefined): Assigned {
  return {
    grid_code: answer?.grid?.code ?? '',
    grid_name: answer?.grid?.name ?? '',
    worker_id: answer?.responsible?.worker?.id ?? '',
    status: answer?.status ?? 'invalid',
    distance_to_border_m: answer?.distance_to_border_m?.toFixed(2) ?? '',
    ambiguous: answer?.ambiguous === undefined ? '' : String(answer.ambiguous),
    error: answer?.error ?? '',
    position: answer?.position ?? null,
  };
}
