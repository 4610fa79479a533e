// A table is dropped, assigned, seen on the map, and taken away with what was added.
import { useSignal } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';
import type { LayerSpecification } from 'maplibre-gl';
import type { Feature } from 'geojson';
import { count } from '../../../i18n/figures';
import { type Overlay, draw, emptySource, feature, useOverlay } from '../../../map/layers';
import { duration, room } from '../../../map/room';
import { map } from '../../../map/view';
import { crsNames } from '../../../parts/crs';
import { explain } from '../../../parts/explain';
import { Notice } from '../../../parts/notice';
import { save } from '../../../parts/save';
import { type Sheet, readSheet, writeCsv, writeWorkbook } from '../../../parts/sheet';
import { t } from '../words';
import { ADDED, type Assigned, assignRows } from './assign';
import { type Columns, guessColumns } from './columns';

type Stage = 'empty' | 'ready' | 'running' | 'done' | 'stopped';

const COLOURS = { inside: '#1f7a4d', doubtful: '#c77700', elsewhere: '#b3261e' } as const;

const OVERLAY: Overlay = {
  sources: { rows: emptySource() },
  layers: [
    {
      id: 'rows', type: 'circle', source: 'rows',
      paint: {
        'circle-radius': ['interpolate', ['linear'], ['zoom'], 9, 2.5, 14, 5, 17, 7],
        'circle-color': ['match', ['get', 'kind'], 'inside', COLOURS.inside, 'doubtful', COLOURS.doubtful, COLOURS.elsewhere],
        'circle-stroke-color': '#ffffff', 'circle-stroke-width': 1,
      },
    },
  ] satisfies LayerSpecification[],
};

export function BatchPanel() {
  const stage = useSignal<Stage>('empty');
  const sheet = useSignal<Sheet | null>(null);
  const columns = useSignal<Columns>({ lon: 0, lat: 1 });
  const crs = useSignal('');
  const done = useSignal(0);
  const trouble = useSignal<(() => string) | null>(null);
  const assigned = useRef<Assigned[]>([]);
  const running = useRef<AbortController | null>(null);
  useOverlay(OVERLAY);
  useEffect(() => drawRows(assigned.current), [map.value, stage.value]);
  useEffect(() => () => running.current?.abort(), []);

  const take = async (file: File | undefined): Promise<void> => {
    if (!file) return;
    trouble.value = null;
    try {
      const read = await readSheet(file);
      if (read.rows.length === 0) return void (trouble.value = () => t('emptyTable'));
      [sheet.value, columns.value, assigned.current, done.value, stage.value] = [read, guessColumns(read), [], 0, 'ready'];
    } catch (error) {
      trouble.value = () => t('unreadable', error instanceof Error ? error.message : String(error));
    }
  };

  const run = async (): Promise<void> => {
    if (!sheet.value) return;
    [assigned.current, done.value, stage.value, trouble.value] = [[], 0, 'running', null];
    running.current = new AbortController();
    try {
      await assignRows(sheet.value, columns.value, crs.value.trim(), running.current.signal, (from, part) => {
        assigned.current.push(...part);
        done.value = from + part.length;
        drawRows(assigned.current);
        if (from === 0) frameRows(part);
      });
      stage.value = 'done';
    } catch (error) {
      stage.value = 'stopped';
      const said = explain(error);
      if (said) trouble.value = () => explain(error) ?? '';
    }
  };

  const isBusy = stage.value === 'running';
  const table = sheet.value;
  return (
    <section id="batch" class="batch">
      {!table && <DropZone onFile={(file) => void take(file)} />}
      {trouble.value && <Notice kind="error">{trouble.value()}</Notice>}
      {table && (
        <>
          <p><strong>{table.name}</strong> · {t('rows', count(table.rows.length))}</p>
          <ColumnChoice table={table} columns={columns.value} isBusy={isBusy} onChange={(changed) => (columns.value = changed)} />
          <div class="row narrow">
            <label for="batch-crs">{t('crs')}</label>
            <input id="batch-crs" list="batch-crs-names" placeholder="WGS 84" value={crs} disabled={isBusy} onInput={(event) => (crs.value = event.currentTarget.value)} />
            <datalist id="batch-crs-names">{crsNames().map(([value, name]) => <option key={value} value={value}>{name}</option>)}</datalist>
          </div>
          <p class="row">
            {isBusy ? <button type="button" onClick={() => running.current?.abort()}>{t('stop')}</button> : <button type="button" id="assign" onClick={() => void run()}>{t('assign')}</button>}
            <button type="button" class="quiet" disabled={isBusy} onClick={() => [(sheet.value = null), (stage.value = 'empty'), drawRows((assigned.current = []))]}>{t('another')}</button>
          </p>
          {stage.value !== 'ready' && <Progress stage={stage.value} done={done.value} rows={table.rows.length} assigned={assigned.current} />}
          {(stage.value === 'done' || stage.value === 'stopped') && assigned.current.length > 0 && <Downloads table={table} assigned={assigned.current} />}
        </>
      )}
    </section>
  );
}

function DropZone({ onFile }: { onFile: (file: File | undefined) => void }) {
  const isOver = useSignal(false);
  return (
    <label
      class={`drop ${isOver.value ? 'over' : ''}`}
      onDragOver={(event) => [event.preventDefault(), (isOver.value = true)]}
      onDragLeave={() => (isOver.value = false)}
      onDrop={(event) => [event.preventDefault(), (isOver.value = false), onFile(event.dataTransfer?.files[0])]}
    >
      <strong>{t('drop')}</strong>
      <span class="fake-button">{t('choose')}</span>
      <input type="file" id="table-file" class="unseen" accept=".csv,.xlsx,text/csv" onChange={(event) => onFile(event.currentTarget.files?.[0])} />
      <span class="hint">{t('batchHint')}</span>
    </label>
  );
}

function ColumnChoice({ table, columns, isBusy, onChange }: { table: Sheet; columns: Columns; isBusy: boolean; onChange: (columns: Columns) => void }) {
  const choice = (which: 'lon' | 'lat') => (
    <div class="row narrow">
      <label for={`column-${which}`}>{t(which === 'lon' ? 'lonColumn' : 'latColumn')}</label>
      <select id={`column-${which}`} class="grow" value={columns[which]} disabled={isBusy} onChange={(event) => onChange({ ...columns, [which]: Number(event.currentTarget.value) })}>
        {table.header.map((name, at) => <option key={at} value={at}>{name || `#${at + 1}`}</option>)}
      </select>
    </div>
  );
  return <>{choice('lon')}{choice('lat')}</>;
}

function Progress({ stage, done, rows, assigned }: { stage: Stage; done: number; rows: number; assigned: Assigned[] }) {
  const kinds = { inside: 0, doubtful: 0, elsewhere: 0, invalid: 0 };
  for (const row of assigned) kinds[kindOf(row)] += 1;
  const said = stage === 'done'
    ? t('done', count(kinds.inside + kinds.doubtful), count(kinds.doubtful), count(kinds.elsewhere), count(kinds.invalid))
    : stage === 'stopped' ? t('stopped', count(done)) : t('progress', count(done), count(rows));
  return (
    <div>
      <progress max={rows} value={done} aria-label={t('assign')} />
      <p id="batch-said" role="status">{said}</p>
      <ul class="legend" aria-hidden="true">
        {(['inside', 'doubtful', 'elsewhere'] as const).map((kind) => <li key={kind}><svg class="dot" viewBox="0 0 10 10"><circle cx="5" cy="5" r="5" fill={COLOURS[kind]} /></svg> {t(kind)}</li>)}
      </ul>
    </div>
  );
}

function Downloads({ table, assigned }: { table: Sheet; assigned: Assigned[] }) {
  const header = [...table.header, ...ADDED];
  const rows = (): string[][] => assigned.map((row, at) => [...pad(table.rows[at] ?? [], table.header.length), ...ADDED.map((name) => row[name])]);
  const isNumber = (column: number): boolean => header[column] === 'distance_to_border_m' || column < table.header.length && /^(lon|lat|x|y)$|经度|纬度|坐标/i.test(header[column] ?? '');
  return (
    <p class="row">
      <button type="button" id="save-csv" onClick={() => save(writeCsv(header, rows()), `${table.name}-grids.csv`)}>{t('saveCsv')}</button>
      <button type="button" id="save-xlsx" onClick={() => void writeWorkbook(header, rows(), isNumber).then((blob) => save(blob, `${table.name}-grids.xlsx`))}>{t('saveXlsx')}</button>
    </p>
  );
}

function pad(row: string[], length: number): string[] {
  return Array.from({ length }, (_, at) => row[at] ?? '');
}

function kindOf(row: Assigned): 'inside' | 'doubtful' | 'elsewhere' | 'invalid' {
  if (row.status === 'invalid') return 'invalid';
  if (row.grid_code === '') return 'elsewhere';
  return row.ambiguous === 'true' ? 'doubtful' : 'inside';
}

function drawRows(assigned: Assigned[]): void {
  const features: Feature[] = assigned.flatMap((row) => (row.position ? [feature({ type: 'Point', coordinates: [row.position.lon, row.position.lat] }, { kind: kindOf(row) })] : []));
  draw(map.peek(), 'rows', features);
}

function frameRows(assigned: Assigned[]): void {
  const places = assigned.flatMap((row) => (row.grid_code && row.position ? [row.position] : []));
  if (places.length === 0) return;
  const [lons, lats] = [places.map(({ lon }) => lon), places.map(({ lat }) => lat)];
  map.peek()?.fitBounds([Math.min(...lons), Math.min(...lats), Math.max(...lons), Math.max(...lats)], { padding: room(), maxZoom: 16, duration: duration() });
}
