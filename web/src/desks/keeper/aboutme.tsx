// Who I am to the service: my posts and whether they are on shift, what I have learned and until when it counts, what I was told, and whether
// I let myself be seen on the map.
import { signal, useSignal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import { answered, client } from '../../api/client';
import { day, moment } from '../../i18n/figures';
import { explain } from '../../parts/explain';
import { keep, kept } from '../../parts/kept';
import { Notice } from '../../parts/notice';
import { levelName } from '../../shell/words';
import { mine } from './mine';
import { t } from './words';

export function Who() {
  const known = mine.value;
  if (!known?.me) return known && <OfScope />;
  const { worker, on_duty: isOnDuty, expires, posts } = known.me;
  return (
    <div class="who">
      <p><strong>{worker?.name || worker?.id}</strong> <span class={isOnDuty ? 'duty on' : 'duty'}>{t(isOnDuty ? 'onDuty' : 'offDuty')}{expires && ` · ${t('until', moment(expires))}`}</span></p>
      <ul class="plain">
        {posts.map((post) => (
          <li key={`${post.unit}${post.post}`}><strong>{post.name || post.unit}</strong> <span class="code-line">{post.unit}</span>
            <span class="aside">{levelName(post.level)} · {t(post.post as 'primary' | 'backup' | 'leader')}{post.shift && ` · ${post.shift}`} · {t(post.on_shift ? 'onDuty' : 'offDuty')}</span>
          </li>
        ))}
      </ul>
    </div>
  );
}

/** The units of a key that is nobody's own, with who is on duty there. */
function OfScope() {
  return (
    <ul class="plain who">
      {mine.value?.units.map(({ code, name, holder }) => (
        <li key={code}><strong>{name || code}</strong> <span class="code-line">{code}</span>
          <span class={holder ? 'duty on' : 'duty'}>{holder ? t('holds', holder.worker?.name ?? '', t(holder.post as 'primary' | 'backup' | 'leader')) : t('nobody')}</span>
        </li>
      ))}
    </ul>
  );
}

export function Skills() {
  const skills = mine.value?.me?.skills ?? [];
  if (skills.length === 0) return null;
  return (
    <section id="skills" aria-labelledby="skills-title">
      <h2 id="skills-title">{t('skills')}</h2>
      <ul class="plain">
        {skills.map(({ skill, since, expires, expired }) => (
          <li key={`${skill}${since}`}><strong>{skill}</strong> {expired && <span class="badge bad">{t('expired')}</span>} <span class="aside">{expires ? t('holdsUntil', day(expires)) : t('holdsOn')}</span></li>
        ))}
      </ul>
    </section>
  );
}

const SEEN = 'notices-seen';

/** The number of the last notice that was read. */
const seen = signal<number | null>(null);

export function Notices() {
  useEffect(() => void kept<number>(SEEN).then((found) => (seen.value = found?.value ?? 0), () => (seen.value = 0)), []);
  const known = mine.value;
  const newest = known?.me?.notices.newest ?? 0;
  if (!known?.me || known.notices.length === 0 || seen.value === null) return null;
  const last = seen.value;
  const fresh = known.notices.filter(({ number }) => number > last).length;
  const read = (): void => {
    seen.value = newest;
    void keep(SEEN, newest).catch(() => undefined);
  };
  return (
    <details id="notices" onToggle={(event) => !event.currentTarget.open && read()}>
      <summary>{t('notices')} {fresh > 0 && <span class="badge bad">{t('freshOnes', fresh)}</span>}</summary>
      <ul class="plain">
        {known.notices.map(({ number, at, kind, grid }) => <li key={number} class={number > last ? 'fresh' : ''}>{t(`told_${kind}` as 'told_came')} <span class="aside">{moment(at)}{grid && ` · ${grid}`}</span></li>)}
      </ul>
    </details>
  );
}

export function Consent() {
  const trouble = useSignal<(() => string) | null>(null);
  const me = mine.value?.me;
  if (!me) return null;
  const set = async (positions: boolean): Promise<void> => {
    trouble.value = null;
    try {
      const consent = await answered(client.PUT('/v1/me/consent', { body: { positions } }));
      if (mine.value) mine.value = { ...mine.value, me: { ...me, consent } };
    } catch (error) {
      trouble.value = () => explain(error) ?? '';
    }
  };
  return (
    <section>
      <label class="check"><input type="checkbox" id="consent" checked={me.consent.positions} onChange={(event) => void set(event.currentTarget.checked)} /> {t('consent')}</label>
      <p class="soft">{t('consentHint')}</p>
      {trouble.value && <Notice kind="error">{trouble.value()}</Notice>}
    </section>
  );
}
