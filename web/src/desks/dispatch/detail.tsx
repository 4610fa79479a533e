// One case whole: what it is, who has it, how long they have, what can be done, and what was done.
import { useSignal } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';
import type { Schema } from '../../api/client';
import { type Case, findCase, historyOf } from '../../cases/act';
import { authorName, roleName, sourceName } from '../../cases/author';
import { categoryName } from '../../cases/categories';
import { Clock } from '../../cases/clock';
import { calledOn, titleOf } from '../../cases/title';
import { t as said } from '../../cases/words';
import { metres, moment } from '../../i18n/figures';
import { distanceM } from '../../map/distance';
import { draw, feature } from '../../map/layers';
import { goTo } from '../../map/frame';
import { map } from '../../map/view';
import { ActionForm } from '../../cases/move/form';
import { Photos } from '../../cases/photos/shown';
import { explain } from '../../parts/explain';
import { Notice } from '../../parts/notice';
import { now } from '../../parts/now';
import { cases, open, put } from './cases';
import { isLate, names } from './filter';
import { go } from './open';
import { Rulings } from './rulings';
import { t } from './words';

/** Cases at most so far apart may be about the same. */
const DUPLICATE_M = 50;

export function Detail({ id }: { id: string }) {
  const one = cases.value.get(id);
  const trouble = useSignal<string | null>(null);
  useEffect(() => {
    trouble.value = null;
    findCase(id).then(put, (error: unknown) => (trouble.value = explain(error)));
  }, [id]);
  const place = one && [one.position.lon, one.position.lat];
  useEffect(() => {
    if (place) goTo(place, 15);
  }, [id, one !== undefined, map.value]);
  useEffect(() => {
    draw(map.value, 'chosen', place ? [feature({ type: 'Point', coordinates: place })] : []);
    return () => draw(map.value, 'chosen', []);
  }, [place?.join(), map.value]);
  return (
    <article class="detail" id="detail">
      <button type="button" class="quiet" id="back" onClick={() => go(null)}>← {t('back')}</button>
      {trouble.value && <Notice kind="error">{trouble.value}</Notice>}
      {one && <Whole one={one} />}
    </article>
  );
}

function Whole({ one }: { one: Case }) {
  return (
    <>
      <header>
        <h2>{categoryName(one.category)} <span class="badge">{titleOf(one.state, one.title)}</span>{isLate(one, now.value) && <span class="badge bad">{t('late')}</span>}{one.suspended_since && <span class="badge">{t('suspended')}</span>}{one.supervised && <span class="badge">{t('supervised')}</span>}</h2>
        <p class="code-line">{one.id}</p>
      </header>
      {one.description && <p class="description">{one.description}</p>}
      {one.escalation && <Notice kind="warning">{t('escalatedTo', calledOn(one.escalation.to))}</Notice>}
      <dl>
        <dt>{t('grid')}</dt><dd>{one.grid ?? '—'}</dd>
        {one.holder && <><dt>{t('holder')}</dt><dd>{one.holder}</dd></>}
        {one.collector && <><dt>{t('collector')}</dt><dd>{one.collector}</dd></>}
        <dt>{t('reportedAt')}</dt><dd>{moment(one.reported_at)}{one.source && ` · ${sourceName(one.source)}`}</dd>
        {one.reporter && <><dt>{t('reporter')}</dt><dd>{one.reporter.name} {one.reporter.phone && <a href={`tel:${one.reporter.phone}`}>{one.reporter.phone}</a>} {one.reporter.email}</dd></>}
      </dl>
      <Photos key={one.id} one={one} mayErase onMoved={put} />
      <Tasks one={one} />
      <Actions one={one} />
      <Duplicates one={one} />
      <Rulings one={one} />
      <History one={one} />
    </>
  );
}

function Tasks({ one }: { one: Case }) {
  return (
    <section aria-labelledby="tasks-title">
      <h3 id="tasks-title">{t('departments')}</h3>
      {one.tasks.length === 0 && <p class="soft">{t('noTasks')}</p>}
      <ul class="plain tasks">
        {one.tasks.map((task, at) => (
          <li key={`${task.department}${at}`} class={task.state}>
            <strong>{task.name}</strong> <span class="soft">{said(task.role as 'lead' | 'co')} · {said(task.state === 'done' ? 'taskDone' : (task.state as 'waiting' | 'accepted' | 'returned' | 'passed' | 'cancelled'))}{task.worker && ` · ${task.worker}`}</span>
            <Clock clock={task} />
          </li>
        ))}
      </ul>
      {one.clocks.length > 0 && (
        <>
          <h3>{t('caseClocks')}</h3>
          <ul class="plain tasks">{one.clocks.map((clock, at) => <li key={at}><Clock clock={clock} /></li>)}</ul>
        </>
      )}
    </section>
  );
}

function Actions({ one }: { one: Case }) {
  const chosen = useSignal<string | null>(null);
  const note = useSignal(false);
  const seen = useRef(one.version);
  useEffect(() => void ([chosen.value, note.value] = [null, false]), [one.id]);
  useEffect(() => {
    // What is being written stays, and its writer is told that the case is another by now.
    if (chosen.value !== null && one.version !== seen.current) note.value = true;
    seen.current = one.version;
  }, [one.version]);
  const action = one.actions.find(({ action }) => action === chosen.value);
  const done = (fresh: Case | null, wasChanged = false): void => {
    if (!wasChanged) [chosen.value, note.value] = [null, false];
    if (fresh) put(fresh);
  };
  return (
    <section aria-labelledby="actions-title">
      <h3 id="actions-title">{t('actions')}</h3>
      {one.actions.length === 0 && <p class="soft">{t('noActions')}</p>}
      {note.value && <Notice kind="warning">{t('changed')}</Notice>}
      <div class="chips">
        {one.actions.map(({ action, title }) => (
          <button key={action} type="button" class="plainly" data-action={action} aria-expanded={chosen.value === action} onClick={() => (chosen.value = chosen.value === action ? null : action)}>{titleOf(action, title)}</button>
        ))}
      </div>
      {action && <ActionForm key={action.action} one={one} action={action} departments={names.value} onDone={done} />}
    </section>
  );
}

function Duplicates({ one }: { one: Case }) {
  const near = open.value.flatMap((other) => {
    if (other.id === one.id) return [];
    const distance = distanceM(one.position, other.position);
    return distance <= DUPLICATE_M ? [{ other, distance }] : [];
  });
  if (near.length === 0) return null;
  near.sort((a, b) => a.distance - b.distance);
  return (
    <section aria-labelledby="duplicates-title" id="duplicates">
      <h3 id="duplicates-title">{t('duplicates')}</h3>
      <ul class="plain">
        {near.map(({ other, distance }) => <li key={other.id}><button type="button" class="code" onClick={() => go(other.id)}>{categoryName(other.category)}</button> {metres(distance)} <span class="soft">{titleOf(other.state, other.title)} · {other.description}</span></li>)}
      </ul>
    </section>
  );
}

function History({ one }: { one: Case }) {
  const events = useSignal<Schema['EventView'][]>([]);
  useEffect(() => void historyOf(one.id).then((found) => (events.value = found), () => undefined), [one.id, one.version]);
  if (events.value.length === 0) return null;
  return (
    <section aria-labelledby="history-title">
      <h3 id="history-title">{t('history')}</h3>
      <ol class="plain history">
        {events.value.map((event) => (
          <li key={event.seq}>
            <span class="when">{moment(event.at)}</span> <strong>{titleOf(event.action)}</strong> → {titleOf(event.state)}
            <span class="aside">{t('by', authorName(event.author), roleName(event.role))}{event.department && ` · ${event.department}`}{event.departments?.map((one) => ` · ${one.name || one.id}`)}{event.cancelled?.map((one) => ` · ${one} ${said('cancelled')}`)}{event.worker && ` · ${event.worker}`}{event.ruling && ` · ${t('byRuling')}`}{event.place?.grid && ` · ${t('reassigned', event.place.grid)}`}</span>
            {event.reason && <span class="aside">“{event.reason}”</span>}
          </li>
        ))}
      </ol>
    </section>
  );
}
