// What somebody is to look at now, by kind.
import { useSignal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import { type Schema, answered, client } from '../../api/client';
import { calledOn } from '../../cases/title';
import { count, fromNow, metres } from '../../i18n/figures';
import { now } from '../../parts/now';
import { link } from '../../shell/route';
import { cases } from './cases';
import { names } from './filter';
import { go } from './open';
import { t } from './words';

type Kind = 'vacant' | 'overdue' | 'overload' | 'border';
const KINDS: Kind[] = ['overdue', 'vacant', 'overload', 'border'];

/** How often they are asked for, milliseconds; cases that move have them asked for sooner. */
const ASK_MS = 30_000;

export function Alarms() {
  const alarms = useSignal<Schema['AlarmList'] | null>(null);
  const opened = useSignal<Kind | null>(null);
  useEffect(() => {
    const ask = (): void => void answered(client.GET('/v1/alarms', { params: { query: { limit: 100 } } })).then((list) => (alarms.value = list), () => undefined);
    let soon: ReturnType<typeof setTimeout> | undefined;
    const unsubscribe = cases.subscribe(() => {
      soon ??= setTimeout(() => [ask(), (soon = undefined)], 2_000);
    });
    const timer = setInterval(ask, ASK_MS);
    return () => {
      unsubscribe();
      clearTimeout(soon);
      clearInterval(timer);
    };
  }, []);
  const list = alarms.value;
  if (!list) return null;
  return (
    <section class="alarms" aria-label={t('alarms')}>
      <div class="chips">
        {KINDS.map((kind) => (
          <button key={kind} type="button" class={`chip ${kind} ${list[kind]?.count ? '' : 'zero'}`} aria-expanded={opened.value === kind} onClick={() => (opened.value = opened.value === kind ? null : kind)}>
            {t(kind, count(list[kind]?.count ?? 0))}
          </button>
        ))}
      </div>
      {opened.value && <AlarmsOf kind={opened.value} list={list} />}
    </section>
  );
}

function AlarmsOf({ kind, list }: { kind: Kind; list: Schema['AlarmList'] }) {
  const found = list[kind];
  if (!found || found.count === 0) return <p class="soft">{t('none')}</p>;
  return (
    <div class="alarm-list">
      {found.count > found.alarms.length && <p class="soft">{t('moreAlarms', count(found.count), count(found.alarms.length))}</p>}
      <ul class="plain">
        {kind === 'vacant' && list.vacant?.alarms.map((one) => <li key={one.grid}><a href={link('lookup', { find: one.grid })}>{one.name || one.grid}</a> <span class="soft">{one.grid}</span></li>)}
        {kind === 'overdue' && list.overdue?.alarms.map((one) => <li key={one.id}><CaseLink id={one.id} grid={one.grid} /> <span class="soft">{fromNow(one.due_at, now.value)} · {one.departments.map((id) => names.value.get(id) ?? id).join(', ')} {one.to && t('escalatedTo', calledOn(one.to))}</span></li>)}
        {kind === 'overload' && list.overload?.alarms.map((one) => <li key={one.worker}>{one.worker} <span class="soft">{t('openCases', count(one.open), one.max)}</span></li>)}
        {kind === 'border' && list.border?.alarms.map((one) => <li key={one.id}><CaseLink id={one.id} grid={one.grid} /> <span class="soft">{t('fromBorder', metres(one.distance_to_border_m))} · {one.alternatives.join(', ')}</span></li>)}
      </ul>
    </div>
  );
}

function CaseLink({ id, grid }: { id: string; grid?: string | null }) {
  return <button type="button" class="code" onClick={() => go(id)}>{grid ?? id}</button>;
}
