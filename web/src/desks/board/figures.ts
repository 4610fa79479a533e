import { language } from '../../i18n/language';
import { count, percent } from '../../i18n/figures';
import type { Indicators } from './data';
import { t } from './words';

type Value = Indicators['total']['values'][number];

/** Indicators that are no share of something, but a mean. */
const MEANS = new Set(['rating', 'load']);

/** A value as people read it; what has no denominator has no value, and is neither 0 nor 100 %. */
export function shown(value: Value | undefined): string {
  if (value?.value === null || value?.value === undefined) return t('noValue');
  return MEANS.has(value.indicator) ? value.value.toFixed(2) : percent(value.value);
}

export function fraction(value: Value | undefined): string {
  return value ? `${count(value.numerator)} / ${count(value.denominator)}` : '';
}

export function nameOf(indicator: Indicators['indicators'][number] | undefined): string {
  return indicator ? (language.value === 'zh' ? indicator.name_zh : indicator.name) : '';
}

export function valueOf(group: { values: Value[] }, code: string): Value | undefined {
  return group.values.find(({ indicator }) => indicator === code);
}
