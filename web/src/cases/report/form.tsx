// A report: where, what, and who says so. It is sent under a token, so that sending it twice takes it in once.
import { useSignal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import { type Schema, answered, client } from '../../api/client';
import { goTo } from '../../map/frame';
import { type Overlay, draw, emptySource, feature, useOverlay } from '../../map/layers';
import { usePick } from '../../map/pick';
import { map } from '../../map/view';
import { explain } from '../../parts/explain';
import { Notice } from '../../parts/notice';
import { type Place, PlaceField } from '../../parts/placefield';
import { whereAmI } from '../../parts/position';
import { Press } from '../../parts/press';
import { AddressField } from '../address/field';
import { categories } from '../categories';
import { PhotoPicker } from '../photos/picker';
import { t } from './words';

const SOURCES = ['hotline', 'collector', 'visit', 'leader'] as const;

const OVERLAY: Overlay = {
  sources: { report: emptySource() },
  layers: [{ id: 'report', type: 'circle', source: 'report', paint: { 'circle-radius': 8, 'circle-color': '#c2410c', 'circle-stroke-color': '#ffffff', 'circle-stroke-width': 3 } }],
};

interface Props {
  source: (typeof SOURCES)[number];
  withReporter?: boolean;
  withPhotos?: boolean;
  /** Sends it now or keeps it for later, and says whether it was sent; by default it is sent at once. */
  send?: (body: Schema['Report'], said: string, photos: Blob[]) => Promise<boolean>;
  onTaken?: (id: string) => void;
  onSent?: (isSent: boolean) => void;
  onCancel: () => void;
}

export function ReportForm({ source, withReporter = false, withPhotos = false, send, onTaken, onSent, onCancel }: Props) {
  const place = useSignal<Place | null>(null);
  const trouble = useSignal<(() => string) | null>(null);
  const isBusy = useSignal(false);
  const photos = useSignal<Blob[]>([]);
  const token = useSignal(crypto.randomUUID?.() ?? `${Date.now()}-${Math.random()}`);
  useOverlay(OVERLAY);
  useEffect(() => draw(map.value, 'report', place.value ? [feature({ type: 'Point', coordinates: [place.value.lon, place.value.lat] })] : []), [map.value, place.value]);
  usePick((lon, lat) => (place.value = { lon, lat }));

  const submit = async (event: SubmitEvent): Promise<void> => {
    event.preventDefault();
    if (!place.value) return void (trouble.value = () => t('noPlace'));
    const form = new FormData(event.target as HTMLFormElement);
    const text = (name: string): string => String(form.get(name) ?? '').trim();
    const body: Schema['Report'] = {
      ...place.value, category: text('category'), description: text('description'), source: text('source'),
      ...((text('name') || text('phone')) && { reporter: { name: text('name'), phone: text('phone') } }),
    };
    isBusy.value = true;
    try {
      if (send) return onSent?.(await send(body, `${t('report')} · ${text('description')}`, photos.value));
      const taken = await answered(client.POST('/v1/incidents', { params: { header: { 'Idempotency-Key': token.value } }, body }));
      onTaken?.((taken as Schema['IncidentTaken']).id);
    } catch (error) {
      trouble.value = () => explain(error) ?? '';
    } finally {
      isBusy.value = false;
    }
  };

  const here = async (): Promise<void> => {
    const found = await whereAmI();
    if (!found) return void (trouble.value = () => t('noPosition'));
    place.value = { lon: found.at[0] ?? 0, lat: found.at[1] ?? 0 };
    goTo(found.at, 16);
  };
  const atAddress = (lon: number, lat: number): void => {
    place.value = { lon, lat };
    goTo([lon, lat], 16);
  };

  return (
    <form class="action-form" id="report-form" aria-label={t('report')} onSubmit={(event) => void submit(event)}>
      <AddressField onPlace={atAddress} />
      <PlaceField label={t('place')} place={place} placeholder={t('placeHint')} />
      <p class="row"><button type="button" class="plainly" data-here onClick={() => void here()}>{t('here')}</button></p>
      <label>{t('category')}
        <select name="category" required>
          <option value="" />
          {categories.value.map(({ code, name }) => <option key={code} value={code}>{code} {name}</option>)}
        </select>
      </label>
      <label>{t('description')}<textarea name="description" maxLength={4000} required /></label>
      <label>{t('source')}<select name="source" defaultValue={source}>{SOURCES.map((one) => <option key={one} value={one} selected={one === source}>{t(one)}</option>)}</select></label>
      {withReporter && <label>{t('reporterName')}<input name="name" autocomplete="off" /></label>}
      {withReporter && <label>{t('reporterPhone')}<input name="phone" type="tel" autocomplete="off" /></label>}
      {withPhotos && <PhotoPicker photos={photos} />}
      {trouble.value && <Notice kind="error">{trouble.value()}</Notice>}
      <p class="row end">
        <button type="button" class="quiet" onClick={onCancel}>{t('cancel')}</button>
        <Press type="submit" isOff={isBusy.value}>{t('send')}</Press>
      </p>
    </form>
  );
}
