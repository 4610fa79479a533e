import { settings } from '../api/settings';

/** The map on paper, with the line that has to stand on it whatever is shown. */
export function PrintedMap({ picture, name }: { picture: string; name: string }) {
  const { notice, attribution } = settings.value ?? {};
  return (
    <figure class="printed">
      <img src={picture} alt={name} />
      <figcaption>{[name, notice, attribution].filter(Boolean).join(' · ')}</figcaption>
    </figure>
  );
}
