// The photos of a case: small, each to be opened, shown to all or not, and erased.
import { useSignal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import { address } from '../../api/address';
import { type Schema, answered, client, refusal } from '../../api/client';
import { headers } from '../../api/key';
import { moment } from '../../i18n/figures';
import { explain } from '../../parts/explain';
import { Notice } from '../../parts/notice';
import { type Case, act } from '../act';
import { t } from './words';

type Photo = Schema['PhotoView'];

interface Props {
  one: Case;
  /** Whether the caller may erase photos. */
  mayErase: boolean;
  /** The case as it is after a move. */
  onMoved: (fresh: Case) => void;
}

export function Photos({ one, mayErase, onMoved }: Props) {
  const photos = useSignal<Photo[]>([]);
  const trouble = useSignal<string | null>(null);
  const load = async (): Promise<void> => {
    if (one.photos === 0) return void (photos.value = []);
    photos.value = (await answered(client.GET('/v1/incidents/{id}/photos', { params: { path: { id: one.id } } }))).photos;
  };
  const attempt = async (work: () => Promise<void>): Promise<void> => {
    trouble.value = null;
    await work().catch((error: unknown) => (trouble.value = explain(error)));
  };
  useEffect(() => void attempt(load), [one.id, one.version]);
  if (photos.value.length === 0) return null;
  const moderate = one.actions.find(({ needs }) => needs.includes('published'))?.action;
  const kept = photos.value.filter(({ href }) => href);
  const say = (published: boolean): Promise<void> => attempt(async () => onMoved(await act(one, { action: moderate as string, published })));
  const erase = (id: string): Promise<void> => attempt(async () => {
    await client.DELETE('/v1/incidents/{id}/photos/{photo}', { params: { path: { id: one.id, photo: id } } });
    await load();
  });
  return (
    <section aria-labelledby="photos-title" id="photos">
      <h3 id="photos-title">{t('photos')}</h3>
      <ul class="plain photos">
        {photos.value.map((photo, at) => <Shown key={photo.id} photo={photo} case={one.id} number={at + 1} onErase={mayErase ? () => void erase(photo.id) : null} />)}
      </ul>
      {moderate && kept.length > 0 && (
        <div class="chips">
          {kept.some(({ published }) => !published) && <button type="button" class="plainly" id="publish-photos" onClick={() => void say(true)}>{t('publish')}</button>}
          {kept.some(({ published }) => published) && <button type="button" class="plainly" id="unpublish-photos" onClick={() => void say(false)}>{t('unpublish')}</button>}
        </div>
      )}
      {trouble.value && <Notice kind="error">{trouble.value}</Notice>}
    </section>
  );
}

function Shown({ photo, case: id, number, onErase }: { photo: Photo; case: string; number: number; onErase: (() => void) | null }) {
  const picture = useSignal<string | null>(null);
  const isLost = useSignal(false);
  const isSure = useSignal(false);
  const isKept = Boolean(photo.href);
  useEffect(() => {
    if (!isKept) return;
    let made: string | null = null;
    let isGone = false;
    // A picture's own address would be asked for without the key.
    void load(id, photo.id).then(
      (blob) => {
        if (isGone) return;
        made = URL.createObjectURL(blob);
        picture.value = made;
      },
      () => (isLost.value = true),
    );
    return () => {
      isGone = true;
      if (made) URL.revokeObjectURL(made);
    };
  }, [id, photo.id, isKept]);
  if (!isKept) return <li class="soft">{t('erased', moment(photo.erased_at as string))}</li>;
  return (
    <li data-photo={photo.id}>
      {picture.value && <a href={picture.value} target="_blank" rel="noopener"><img src={picture.value} alt={t('shown', number, moment(photo.at))} /></a>}
      {isLost.value && <span class="soft">{t('unreached')}</span>}
      <span class="aside">{moment(photo.at)} <span class="badge">{t(photo.published ? 'isPublic' : 'isPrivate')}</span></span>
      {onErase && <button type="button" class="quiet" onClick={() => (isSure.value ? onErase() : (isSure.value = true))}>{t(isSure.value ? 'eraseSure' : 'erase')}</button>}
    </li>
  );
}

async function load(id: string, photo: string): Promise<Blob> {
  const response = await fetch(address(`v1/incidents/${id}/photos/${photo}`), { headers: headers() });
  if (!response.ok) throw await refusal(response);
  return response.blob();
}
