// The answer card: what lies here, who answers for it, how sure that is.
import type { ComponentChildren } from 'preact';
import type { Schema } from '../../api/client';
import { metres, moment } from '../../i18n/figures';
import { limitName } from '../../parts/limit';
import { Copy } from '../../parts/copy';
import { levelName } from '../../shell/words';
import { type Answer, type Note, askCode } from './state';
import { t } from './words';

type Holder = Schema['HolderView'];

export function AnswerCard({ answer, note }: { answer: Answer; note: Note | null }) {
  const { grid, responsible } = answer;
  return (
    <article class={`card ${answer.status}`}>
      {note && <p class="soft" id="answer-note">{note()}</p>}
      {grid && <h2>{grid.name || grid.code}</h2>}
      {grid && <p class="code-line">{grid.code}</p>}
      {answer.status !== 'inside' && <p class={answer.status === 'overlap' ? 'warning' : 'state'}>{t(answer.status as 'outside' | 'gap' | 'overlap')}</p>}
      {answer.vacant && <p class="warning vacant">{t('vacant')}</p>}
      {answer.ambiguous && <p class="warning">{t('ambiguous')}</p>}
      <dl>
        {responsible && (
          <Row name={t('responsible')}>
            <HolderLine holder={responsible} answer={answer} />
            {!responsible.worker && <span class="aside">{t('hidden')}</span>}
          </Row>
        )}
        {responsible && responsible.fallback.length > 0 && (
          <Row name={t('fallback')}>
            <ul class="plain">{responsible.fallback.map((next) => <li key={`${next.post}${next.from}`}><HolderLine holder={next} answer={answer} /></li>)}</ul>
          </Row>
        )}
        <Departments answer={answer} />
        {answer.path.length > 0 && (
          <Row name={t('path')}>
            <ol class="path">{answer.path.map((step) => <li key={step.code}><span class="level">{levelName(step.level)}</span> {step.name || step.code}</li>)}</ol>
          </Row>
        )}
        {answer.distance_to_border_m !== null && <Row name={t('border')}>{metres(answer.distance_to_border_m)}</Row>}
        {answer.alternatives.length > 0 && (
          <Row name={t('neighbours')}>
            <ul class="plain">{answer.alternatives.map((other) => <CodeItem key={other.code} {...other} />)}</ul>
          </Row>
        )}
        {answer.nearest && <Row name={t('nearest')}><ul class="plain"><CodeItem {...answer.nearest} /></ul></Row>}
        <Row name={t('position')}>{answer.position.lon.toFixed(6)}, {answer.position.lat.toFixed(6)}</Row>
        {answer.expires && <Row name={t('until')}>{moment(answer.expires)}</Row>}
      </dl>
      <p class="row end"><Copy text={() => location.href} label={t('copyLink')} done={t('copied')} /></p>
    </article>
  );
}

function Row({ name, children }: { name: string; children: ComponentChildren }) {
  return (
    <>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </>
  );
}

function Departments({ answer }: { answer: Answer }) {
  const { departments, due_at: due, rule } = answer;
  if (!departments) return null;
  return (
    <>
      <Row name={t('departments')}>
        {departments.length === 0 && t('noDepartment')}
        <ul class="plain departments">{departments.map(({ id, name, role }) => <li key={id}>{name} <span class="post">{t(role as 'lead' | 'co')}</span></li>)}</ul>
        {rule?.responsibility && <span class="aside">{t('rule')}: {t('ruleFor', rule.responsibility.unit ?? t('everywhere'), rule.responsibility.category ?? rule.category)}</span>}
      </Row>
      {due && <Row name={t('due')}><span class="due">{moment(due)}</span>{rule?.limit && <span class="aside">{limitName(rule.limit.limit)}</span>}</Row>}
    </>
  );
}

function HolderLine({ holder, answer }: { holder: Holder; answer: Answer }) {
  const { worker } = holder;
  // Where the post belongs to a coarser unit, that unit is named.
  const unit = answer.grid?.code === holder.from ? '' : ` · ${answer.path.find((step) => step.code === holder.from)?.name || holder.from}`;
  return (
    <span class="holder">
      {worker && <strong>{worker.name}</strong>}
      <span class="post">{t(holder.post as 'primary' | 'backup' | 'leader')}{unit}</span>
      {worker?.phone && <a class="phone" href={`tel:${worker.phone.replace(/[^\d+]/g, '')}`}>{worker.phone}</a>}
    </span>
  );
}

function CodeItem({ code, distance_m }: { code: string; distance_m: number }) {
  return (
    <li>
      <button type="button" class="code" onClick={() => void askCode(code)}>{code}</button> {metres(distance_m)}
    </li>
  );
}
