// The city's categories, asked for once and again when they may have changed with the day.
import { signal } from '@preact/signals';
import { type Schema, answered, client } from '../api/client';

export const categories = signal<Schema['CategoryView'][]>([]);

let asked: Promise<void> | null = null;

export function loadCategories(): Promise<void> {
  asked ??= answered(client.GET('/v1/categories')).then(
    (list) => void (categories.value = list.categories),
    () => void (asked = null),
  );
  return asked;
}

export function categoryName(code: string): string {
  const plain = code.split(':')[0];
  return categories.value.find((category) => category.code === plain)?.name ?? code;
}
