// The field of a place, which is typed, or set by the map, a position or an address.
import { type Signal, useSignal } from '@preact/signals';

export interface Place {
  lon: number;
  lat: number;
}

interface Props {
  label: string;
  place: Signal<Place | null>;
  placeholder?: string;
  required?: boolean;
}

/** Keeps what is typed as it stands, whenever the form is drawn anew meanwhile; what is no place yet is none. */
export function PlaceField({ label, place, placeholder, required = false }: Props) {
  const typed = useSignal<{ text: string; place: Place | null }>({ text: '', place: null });
  const set = place.value ? `${place.value.lon.toFixed(6)}, ${place.value.lat.toFixed(6)}` : '';
  const text = typed.value.place === place.value ? typed.value.text : set;
  const take = (text: string): void => {
    const [lon, lat, ...more] = text.split(/[,，\s]+/).filter(Boolean).map(Number);
    const isPlace = Number.isFinite(lon) && Number.isFinite(lat) && more.length === 0;
    typed.value = { text, place: isPlace ? { lon: lon as number, lat: lat as number } : null };
    place.value = typed.value.place;
  };
  const keep = (text: string): void => void (typed.value = { text, place: place.value });
  return (
    <label>{label}
      <input name="place" required={required} value={text} placeholder={placeholder} onInput={(event) => keep(event.currentTarget.value)} onChange={(event) => take(event.currentTarget.value)} />
    </label>
  );
}
