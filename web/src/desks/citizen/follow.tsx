import { useSignal } from '@preact/signals';
import { stateTitled } from '../../cases/title';
import { moment } from '../../i18n/figures';
import { Refusal } from '../../api/client';
import { explain } from '../../parts/explain';
import { Notice } from '../../parts/notice';
import { reported } from './mine';
import { type Request, findRequest } from './open311';
import { t } from './words';

export function Follow() {
  const typed = useSignal('');
  const found = useSignal<Request | null>(null);
  const trouble = useSignal<(() => string) | null>(null);
  const look = async (number: string): Promise<void> => {
    [typed.value, found.value, trouble.value] = [number, null, null];
    try {
      found.value = await findRequest(number.trim());
      if (!found.value) trouble.value = () => t('notFound');
    } catch (error) {
      trouble.value = () => (error instanceof Refusal && error.status === 404 ? t('notFound') : (explain(error) ?? ''));
    }
  };
  const request = found.value;
  return (
    <section aria-labelledby="follow-title" id="follow">
      <h2 id="follow-title">{t('follow')}</h2>
      <form class="row" onSubmit={(event) => [event.preventDefault(), void look(typed.value)]}>
        <input aria-label={t('number')} name="number" required value={typed} onInput={(event) => (typed.value = event.currentTarget.value)} />
        <button type="submit">{t('look')}</button>
      </form>
      {reported.value.length > 0 && (
        <>
          <p class="soft">{t('mine')}</p>
          <ul class="plain">{reported.value.map((number) => <li key={number}><button type="button" class="code" onClick={() => void look(number)}>{number}</button></li>)}</ul>
        </>
      )}
      {trouble.value && <Notice kind="error">{trouble.value()}</Notice>}
      <div aria-live="polite">
        {request && (
          <dl id="course">
            <dt>{t('status')}</dt><dd><strong>{t(request.status)}</strong> {stateTitled(request.status_notes)}</dd>
            <dt>{t('kind')}</dt><dd>{request.service_name}</dd>
            {request.agency_responsible && <><dt>{t('agency')}</dt><dd>{request.agency_responsible}</dd></>}
            {request.requested_datetime && <><dt>{t('since')}</dt><dd>{moment(request.requested_datetime)}</dd></>}
            {request.expected_datetime && <><dt>{t('expected')}</dt><dd>{moment(request.expected_datetime)}</dd></>}
          </dl>
        )}
      </div>
    </section>
  );
}
