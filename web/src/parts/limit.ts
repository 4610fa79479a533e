import { language } from '../i18n/language';

const CLOCKS: Record<string, readonly [zh: string, en: string]> = {
  urgent_hour: ['紧急工作时', 'urgent h'],
  work_hour: ['工作时', 'work h'],
  work_day: ['工作日', 'work days'],
  natural_day: ['自然日', 'days'],
};

/** A limit as the service writes it (`4 work_hour`), as people say it. */
export function limitName(limit: string): string {
  const [amount = '', clock = ''] = limit.split(' ');
  const names = CLOCKS[clock];
  if (!names) return limit;
  return language.value === 'zh' ? `${amount}${names[0]}` : `${amount} ${names[1]}`;
}
