// The desk at which places are looked up, one by one or by the table.
import './desk.css';
import { useSignal } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';
import type { ComponentType } from 'preact';
import { Candidates } from '../../cases/address/candidates';
import { t as said } from '../../cases/address/words';
import { mapCrs } from '../../map/layers';
import { map } from '../../map/view';
import { Notice } from '../../parts/notice';
import { step } from '../../parts/steps';
import { link, route } from '../../shell/route';
import { AnswerCard } from './card';
import { Cases } from './cases';
import { useAnswerOnMap } from './overlay';
import { Search } from './search';
import { ask, askAddress, askAddressed, askAgain, askMatch, shown } from './state';
import { Terms } from './terms';
import { t } from './words';

export default function LookupDesk() {
  const isBatch = route.value.query.has('table');
  return (
    <>
      <h1 class="unseen">{t('title')}</h1>
      <nav class="tabs" aria-label={t('title')}>
        <a href={link('lookup')} aria-current={isBatch ? undefined : 'page'}>{t('one')}</a>
        <a href={link('lookup', { table: 1 })} aria-current={isBatch ? 'page' : undefined}>{t('batch')}</a>
      </nav>
      {isBatch ? <Batch /> : <OnePlace />}
    </>
  );
}

function OnePlace() {
  useAnswerOnMap();
  const isNew = useRef(true);
  useEffect(() => {
    // Who comes from another desk finds what was asked last.
    const isReturn = isNew.current && route.value.query.toString() === '' && shown.value.kind !== 'nothing';
    isNew.current = false;
    void (isReturn ? askAgain() : askAddressed());
  }, [route.value]);
  useEffect(() => {
    const on = map.value;
    if (!on) return;
    const click = (event: { lngLat: { lng: number; lat: number } }): void => void ask({ lon: event.lngLat.lng, lat: event.lngLat.lat, crs: mapCrs() });
    const enter = (event: KeyboardEvent): void => {
      if (event.key === 'Enter') click({ lngLat: on.getCenter() });
    };
    on.on('click', click);
    on.getCanvas().addEventListener('keydown', enter);
    on.getCanvas().style.cursor = 'crosshair';
    return () => {
      on.off('click', click);
      on.getCanvas().removeEventListener('keydown', enter);
      on.getCanvas().style.cursor = '';
    };
  }, [map.value]);
  const answer = useRef<HTMLElement>(null);
  // On a phone what is answered may stand below the fold.
  useEffect(() => {
    if (shown.value.kind === 'answer' && innerWidth < 720) answer.current?.scrollIntoView({ block: 'start' });
  }, [shown.value.kind]);
  return (
    <>
      <Search />
      <Terms />
      <section id="answer" aria-live="polite" ref={answer}><Answer /></section>
      <Cases />
    </>
  );
}

function Answer() {
  const now = shown.value;
  switch (now.kind) {
    case 'nothing': return null;
    case 'asking': return <p class="card soft">{t('asking')}</p>;
    case 'trouble': return <div class="card"><Notice kind="error">{now.say()}</Notice></div>;
    case 'answer': return <AnswerCard answer={now.answer} note={now.note} />;
    case 'matches': return (
      <div class="card" onKeyDown={step}>
        {now.sayTrouble && <Notice kind="warning">{now.sayTrouble()}</Notice>}
        {now.matches.length > 0 && <p class="soft">{t(now.hasMore ? 'moreMatches' : 'matches', now.matches.length)}</p>}
        <ul class="plain matches">
          {now.matches.map((match) => (
            <li key={match.code}><button type="button" class="choice" onClick={() => void askMatch(match)}><strong>{match.name}</strong> <span class="code-line">{match.code}</span></button></li>
          ))}
        </ul>
        {now.addresses.length > 0 && <p class="soft">{said('choose', now.addresses.length)}</p>}
        {now.addresses.length > 0 && <Candidates found={now.addresses} onChoose={(one) => void askAddress(one)} />}
      </div>
    );
  }
}

/** The table's code, with what reads and writes workbooks, is loaded when a table is wanted. */
function Batch() {
  const part = useSignal<ComponentType | null>(null);
  useEffect(() => void import('./batch/panel').then(({ BatchPanel }) => (part.value = BatchPanel)), []);
  return part.value ? <part.value /> : null;
}
