// The tools by which a draft is changed on the map, and what does the same without a mouse.
import { signal } from '@preact/signals';
import { useEffect, useMemo } from 'preact/hooks';
import type { MapMouseEvent, MapTouchEvent } from 'maplibre-gl';
import type { Point, Position } from 'geojson';
import { contains, insideOf } from '../../map/geometry';
import { shift } from '../../map/layers';
import { placeOf, shownAt } from '../../map/pick';
import { unshiftPosition } from '../../map/shift';
import { map } from '../../map/view';
import { Press } from '../../parts/press';
import { above, apply, chosen, draft, finest, isOpen, parents, redo, said, undo, units, whenOpened } from './draft';
import { showsCorners, stroke } from './overlay';
import { t } from './words';

const TOOLS = ['select', 'brush', 'lasso', 'split', 'border'] as const;
type Tool = (typeof TOOLS)[number];

const HINTS = { select: 'selectHint', brush: 'brushHint', lasso: 'lassoHint', split: 'splitHint', border: 'borderHint' } as const;

export const tool = signal<Tool>('select');
export const target = signal('');
/** How many corners have been set by the keyboard, of a stroke that is not finished. */
const corners = signal(0);

/** Whether the borders of parents follow where they are the same line. */
const withParents = signal(false);

type Pointer = MapMouseEvent | MapTouchEvent;

export function Tools() {
  useEffect(() => {
    showsCorners.value = tool.value === 'border';
    drop();
  }, [tool.value]);
  useEffect(() => () => void (showsCorners.value = false), []);
  usePointer();
  const open = draft.value;
  if (!open) return null;
  return (
    <section class="tools-box" aria-label={t('tools')}>
      <div class="chips">
        {TOOLS.map((one) => <button key={one} type="button" class="plainly" data-tool={one} aria-pressed={tool.value === one} disabled={!isOpen.value} onClick={() => (tool.value = one)}>{t(one)}</button>)}
        <Press class="plainly" id="undo" isOff={!open.can_undo || !isOpen.value} onClick={() => void undo()}>↶ {t('undo')}</Press>
        <Press class="plainly" id="redo" isOff={!open.can_redo || !isOpen.value} onClick={() => void redo()}>↷ {t('redo')}</Press>
      </div>
      <p class="soft">{t(HINTS[tool.value])} {t('byKeyboard')}</p>
      {corners.value > 0 && <p class="row"><span class="soft" role="status" id="corners-set">{t('cornersSet', corners.value)}</span><Press class="plainly" id="finish-stroke" isOff={tool.value === 'border' || corners.value < 2} onClick={() => void finish()}>{t('finish')}</Press><button type="button" class="quiet" onClick={drop}>{t('dropStroke')}</button></p>}
      {tool.value === 'border' && <label class="check"><input type="checkbox" id="with-parents" checked={withParents} onChange={(event) => (withParents.value = event.currentTarget.checked)} /> {t('withParents')}</label>}
      <Chosen />
    </section>
  );
}

function Chosen() {
  const codes = [...chosen.value];
  // There may be thousands, which a stroke does not change.
  const choices = useMemo(() => parents.value.map(({ code, name }) => <option key={code} value={code}>{name} {code}</option>), [parents.value]);
  const pick = (event: SubmitEvent): void => {
    event.preventDefault();
    const form = event.target as HTMLFormElement;
    const typed = String(new FormData(form).get('codes')).split(/[,，\s]+/).filter((code) => units.value.has(code));
    chosen.value = new Set([...chosen.value, ...typed]);
    form.reset();
  };
  return (
    <>
      <form class="row" onSubmit={pick}>
        <input name="codes" class="grow" aria-label={t('codes')} placeholder={t('codes')} />
        <button type="submit" class="plainly">{t('choose')}</button>
      </form>
      {above.value && (
        <div class="row narrow">
          <label for="target">{t('target')}</label>
          <select id="target" class="grow" value={target} onChange={(event) => (target.value = event.currentTarget.value)}>
            <option value="" />
            {choices}
          </select>
        </div>
      )}
      <div class="chips">
        <span class="soft" id="chosen-count" role="status">{t('chosen', codes.length)}</span>
        <Press class="plainly" id="reassign" isOff={codes.length === 0 || target.value === ''} onClick={() => void reassign(codes)}>{t('reassign')}</Press>
        <Press class="plainly" id="merge" isOff={codes.length < 2} onClick={() => void apply({ op: 'merge', level: finest.value, units: codes })}>{t('merge')}</Press>
        <Press class="plainly" id="lock" isOff={codes.length === 0} onClick={() => void apply({ op: 'lock', level: finest.value, units: codes, locked: true })}>{t('lock')}</Press>
        <Press class="plainly" isOff={codes.length === 0} onClick={() => void apply({ op: 'lock', level: finest.value, units: codes, locked: false })}>{t('unlock')}</Press>
        <Press class="quiet" isOff={codes.length === 0} onClick={() => (chosen.value = new Set())}>{t('clear')}</Press>
      </div>
    </>
  );
}

async function reassign(codes: string[]): Promise<void> {
  if (await apply({ op: 'reassign', level: finest.value, units: codes, to: target.value })) chosen.value = new Set();
}

/** Ends a stroke whose corners were set by the keyboard. */
async function finish(): Promise<void> {
  const drawn = stroke.value;
  drop();
  if (tool.value === 'lasso') chosen.value = new Set([...chosen.value, ...within(drawn)]);
  else if (tool.value === 'split') await splitAlong(drawn);
}

/** How far Alt with an arrow key moves the map. */
const FINE_PX = 8;
const STEPS: Record<string, [number, number] | undefined> = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

function drop(): void {
  [stroke.value, corners.value] = [[], 0];
}

/** Turns what the pointer does on the map into strokes of the tool in hand. */
function usePointer(): void {
  const on = map.value;
  useEffect(() => {
    if (!on || !isOpen.value) return;
    const brushed = new Set<string>();
    let held: Position | null = null;
    let isDown = false;
    // The tool is asked for when the pointer goes down: one taken a moment before is in hand, whenever the page is drawn again.
    let hand = tool.peek();
    const unitAt = (event: Pointer): string | null => (on.queryRenderedFeatures(event.point, { layers: ['draft-fill'] })[0]?.properties.code as string | undefined) ?? null;

    const cornerAt = ({ point: { x, y } }: Pointer): Position | null => {
      const corner = on.queryRenderedFeatures([[x - 8, y - 8], [x + 8, y + 8]], { layers: ['corners'] })[0];
      return corner ? nearestCorner(unshiftPosition((corner.geometry as Point).coordinates, shift())) : null;
    };

    const down = (event: Pointer): void => {
      hand = tool.peek();
      corners.value = 0;
      if (hand === 'select') return;
      if (hand === 'border') {
        const corner = cornerAt(event);
        if (!corner) return;
        held = corner;
      }
      // The map stays where it is while something is drawn.
      event.preventDefault();
      isDown = true;
      stroke.value = [held ?? placeOf(event)];
      brushed.clear();
      if (hand === 'brush') brushAt(event);
    };
    const brushAt = (event: Pointer): void => {
      const code = unitAt(event);
      if (!code || brushed.has(code)) return;
      brushed.add(code);
      chosen.value = new Set([...chosen.value, code]);
    };
    const move = (event: Pointer): void => {
      if (!isDown) return;
      if (hand === 'brush') brushAt(event);
      else stroke.value = hand === 'border' ? [held as Position, placeOf(event)] : [...stroke.value, placeOf(event)];
    };
    const up = (event: Pointer): void => {
      if (!isDown) return;
      isDown = false;
      const drawn = stroke.value;
      stroke.value = [];
      if (hand === 'brush') {
        if (target.value && brushed.size > 0) void reassign([...brushed]);
      } else if (hand === 'lasso') chosen.value = new Set([...chosen.value, ...within(drawn)]);
      else if (hand === 'split') void splitAlong(drawn);
      else if (hand === 'border' && held) void apply({ op: 'move_vertex', at: held, to: placeOf(event), with_parents: withParents.peek() });
      held = null;
    };
    const click = (event: MapMouseEvent): void => {
      const code = tool.peek() === 'select' ? unitAt(event) : null;
      if (!code) return;
      const next = new Set(chosen.value);
      if (!next.delete(code)) next.add(code);
      chosen.value = next;
    };
    /** The corner nearest to the middle of the map, as far as it is seen: who has no pointer can hardly bring one under it. */
    const cornerNear = (middle: Pointer): Position | null => {
      const corner = cornerAt(middle) ?? nearestCorner(placeOf(middle));
      const { x, y } = on.project(shownAt(corner));
      const { clientWidth, clientHeight } = on.getContainer();
      return x >= 0 && y >= 0 && x <= clientWidth && y <= clientHeight ? corner : null;
    };
    // The middle of the map is the pointer of who has none: Enter does there what a click does, or sets the next corner.
    const key = (event: KeyboardEvent): void => {
      if (event.key === 'Escape') return drop();
      const step = STEPS[event.key];
      if (event.altKey && step) {
        event.preventDefault();
        return void on.panBy([step[0] * FINE_PX, step[1] * FINE_PX], { duration: 0 });
      }
      if ((event.ctrlKey || event.metaKey) && /^[zy]$/i.test(event.key)) {
        event.preventDefault();
        const isRedo = event.shiftKey || event.key.toLowerCase() === 'y';
        if (isRedo ? draft.peek()?.can_redo : draft.peek()?.can_undo) void (isRedo ? redo() : undo());
        return;
      }
      if (event.key !== 'Enter') return;
      event.preventDefault();
      if (event.shiftKey) return void finish();
      const lngLat = on.getCenter();
      const middle = { lngLat, point: on.project(lngLat) } as MapMouseEvent;
      const inHand = tool.peek();
      if (inHand === 'select') click(middle);
      else if (inHand === 'brush') {
        const code = unitAt(middle);
        if (code && target.value) void reassign([code]);
      } else if (inHand === 'border') {
        const from = corners.value > 0 ? stroke.value[0] : undefined;
        drop();
        const corner = from ? null : cornerNear(middle);
        if (from) void apply({ op: 'move_vertex', at: from, to: placeOf(middle), with_parents: withParents.peek() });
        else if (corner) [stroke.value, corners.value] = [[corner], 1];
      } else [stroke.value, corners.value] = [[...(corners.value > 0 ? stroke.value : []), placeOf(middle)], corners.value + 1];
    };
    const canvas = on.getCanvas();
    canvas.addEventListener('keydown', key);
    on.on('mousedown', down);
    on.on('touchstart', down);
    on.on('mousemove', move);
    on.on('touchmove', move);
    on.on('mouseup', up);
    on.on('touchend', up);
    on.on('click', click);
    return () => {
      canvas.removeEventListener('keydown', key);
      on.off('mousedown', down);
      on.off('touchstart', down);
      on.off('mousemove', move);
      on.off('touchmove', move);
      on.off('mouseup', up);
      on.off('touchend', up);
      on.off('click', click);
    };
  }, [on, isOpen.value]);
}

/** The corner as the draft has it: what is drawn on the map has been rounded. */
function nearestCorner(at: Position): Position {
  let best: { corner: Position; distance: number } | null = null;
  for (const { geometry } of units.value.values()) {
    if (geometry.type !== 'Polygon' && geometry.type !== 'MultiPolygon') continue;
    for (const corner of geometry.coordinates.flat(geometry.type === 'Polygon' ? 1 : 2) as Position[]) {
      const distance = Math.hypot((corner[0] ?? 0) - (at[0] ?? 0), (corner[1] ?? 0) - (at[1] ?? 0));
      if (!best || distance < best.distance) best = { corner, distance };
    }
  }
  return best?.corner ?? at;
}

function within(drawn: Position[]): string[] {
  if (drawn.length < 3) return [];
  const lasso = { type: 'Polygon' as const, coordinates: [[...drawn, drawn[0] as Position]] };
  return [...units.value.values()].flatMap(({ geometry, properties }) => {
    const middle = insideOf(geometry);
    return middle && contains(lasso, middle) ? [properties.code] : [];
  });
}

/** The unit that is chosen is split; where none is, that in which the line has its middle. */
async function splitAlong(line: Position[]): Promise<void> {
  if (line.length < 2) return;
  const [only] = chosen.value;
  const middle = line[Math.floor(line.length / 2)] as Position;
  let unit = chosen.value.size === 1 ? only : unitWith(middle);
  if (!unit) {
    // It may be one of those that are still to come, of this draft.
    const { id } = draft.value ?? {};
    await whenOpened();
    if (draft.value?.id !== id) return;
    unit = unitWith(middle);
  }
  if (unit) await apply({ op: 'split', level: finest.value, unit, line });
  else said.value = { kind: 'error', say: () => t('splitsNothing') };
}

/** The unit that a place lies in. What the map has drawn there is looked at first, as there may be many others. */
function unitWith(at: Position): string | undefined {
  const on = map.peek();
  const drawn = on?.getLayer('draft-fill') ? on.queryRenderedFeatures(on.project(shownAt(at)), { layers: ['draft-fill'] }) : [];
  const near = drawn.flatMap(({ properties }) => units.value.get(String(properties.code)) ?? []);
  return [...near, ...units.value.values()].find(({ geometry }) => contains(geometry, at))?.properties.code;
}
