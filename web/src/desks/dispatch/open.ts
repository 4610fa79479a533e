// Which case is looked at stands in the address.
import { computed } from '@preact/signals';
import { link, route } from '../../shell/route';

export const chosen = computed(() => (route.value.desk === 'dispatch' ? route.value.query.get('case') : null));

export function go(id: string | null): void {
  location.hash = link('dispatch', { case: id });
}
