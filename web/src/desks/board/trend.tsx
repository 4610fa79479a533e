// Reports and one indicator, month by month: columns for how many, a line for how well, and the same as a table.
import { count } from '../../i18n/figures';
import { indicators, trend } from './data';
import { nameOf, shown, valueOf } from './figures';
import { t } from './words';

const [WIDTH, HEIGHT, FOOT] = [360, 150, 22];

export function Trend({ code }: { code: string }) {
  const name = nameOf(indicators.value?.indicators.find((indicator) => indicator.code === code));
  const months = trend.value;
  const most = Math.max(1, ...months.map(({ answer }) => answer.total.reports));
  const values = months.map(({ answer }) => valueOf(answer.total, code)?.value ?? null);
  const highest = Math.max(1, ...values.map((value) => value ?? 0));
  const step = WIDTH / Math.max(1, months.length);
  const x = (at: number): number => step * (at + 0.5);
  const y = (value: number): number => HEIGHT - FOOT - (value / highest) * (HEIGHT - FOOT - 14);
  const line = values.flatMap((value, at) => (value === null ? [] : [`${x(at).toFixed(1)},${y(value).toFixed(1)}`])).join(' ');
  return (
    <section class="tile" aria-labelledby="trend-title" id="trend">
      <h2 id="trend-title">{t('trend', name)}</h2>
      <svg viewBox={`0 0 ${WIDTH} ${HEIGHT}`} aria-hidden="true">
        {months.map(({ month, answer }, at) => {
          const height = (answer.total.reports / most) * (HEIGHT - FOOT - 14);
          return (
            <g key={month}>
              <rect x={x(at) - step * 0.3} y={HEIGHT - FOOT - height} width={step * 0.6} height={height} fill="#c9d8e1" />
              <text x={x(at)} y={HEIGHT - 6} text-anchor="middle" font-size="11" fill="#566671">{month}</text>
            </g>
          );
        })}
        <polyline points={line} fill="none" stroke="#c2410c" stroke-width="2.5" />
        {values.map((value, at) => value !== null && <circle key={at} cx={x(at)} cy={y(value)} r="3.5" fill="#c2410c" />)}
      </svg>
      <details>
        <summary>{t('trendTable')}</summary>
        <table>
          <thead><tr><th scope="col">{t('month')}</th><th scope="col" class="figure">{t('reports')}</th><th scope="col" class="figure">{name}</th></tr></thead>
          <tbody>{months.map(({ month, answer }) => <tr key={month}><td>{month}</td><td class="figure">{count(answer.total.reports)}</td><td class="figure">{shown(valueOf(answer.total, code))}</td></tr>)}</tbody>
        </table>
      </details>
    </section>
  );
}
