import { useSignal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import { key } from '../../api/key';
import { PhotoPicker } from '../../cases/photos/picker';
import { explain } from '../../parts/explain';
import { Notice } from '../../parts/notice';
import { Press } from '../../parts/press';
import { remember } from './mine';
import { type Service, report, services } from './open311';
import { t } from './words';

export function ReportSomething({ at }: { at: { lon: number; lat: number } | null }) {
  const kinds = useSignal<Service[]>([]);
  const number = useSignal<string | null>(null);
  const trouble = useSignal<(() => string) | null>(null);
  const isBusy = useSignal(false);
  const photos = useSignal<Blob[]>([]);
  useEffect(() => void services().then((found) => (kinds.value = found), () => undefined), []);
  const groups = [...new Set(kinds.value.map(({ group }) => group))];

  const submit = async (event: SubmitEvent): Promise<void> => {
    event.preventDefault();
    const element = event.target as HTMLFormElement;
    if (!at) return void (trouble.value = () => t('choosePlace'));
    const form = new FormData(element);
    [isBusy.value, trouble.value] = [true, null];
    try {
      number.value = await report(String(form.get('service')), at, String(form.get('description')).trim(), photos.value);
      remember(number.value);
      element.reset();
      photos.value = [];
    } catch (error) {
      trouble.value = () => explain(error) ?? '';
    } finally {
      isBusy.value = false;
    }
  };

  return (
    <section aria-labelledby="report-title" id="citizen-report">
      <h2 id="report-title">{t('report')}</h2>
      {key() === null ? <Notice kind="info">{t('needKey')}</Notice> : (
        <form class="action-form" onSubmit={(event) => void submit(event)}>
          <label>{t('service')}
            <select name="service" required>
              <option value="" />
              {groups.map((group) => <optgroup key={group} label={group}>{kinds.value.filter((kind) => kind.group === group).map((kind) => <option key={kind.service_code} value={kind.service_code}>{kind.service_name}</option>)}</optgroup>)}
            </select>
          </label>
          <label>{t('description')}<textarea name="description" required maxLength={4000} /></label>
          <PhotoPicker photos={photos} />
          {trouble.value && <Notice kind="error">{trouble.value()}</Notice>}
          <p class="row end"><Press type="submit" isOff={isBusy.value}>{t('send')}</Press></p>
        </form>
      )}
      {number.value && <Notice kind="done">{t('taken', number.value)} {t('keepNumber')}</Notice>}
    </section>
  );
}
