/** The course of a value: a line whose numbers stand beside it in words, for those who do not see it. */
import { sayChart } from '../../messages/chart.js';
import { OfRecord } from '../../ui/parts.js';

export interface TrendPoint {
  /** ms since 1970. */
  readonly at: number;
  readonly value: number;
  readonly date: string;
}

interface TrendShape {
  readonly what: string;
  readonly unit: string;
  /** Two or more, the oldest first. */
  readonly points: readonly TrendPoint[];
}

const [WIDTH, HEIGHT, EDGE] = [320, 80, 6];

export function Trend({ what, unit, points }: TrendShape) {
  const values = points.map(({ value }) => value);
  const [low, high] = [Math.min(...values), Math.max(...values)];
  const [first, last] = [points[0]!, points.at(-1)!];
  const x = ({ at }: TrendPoint): number => EDGE + ((at - first.at) / (last.at - first.at || 1)) * (WIDTH - 2 * EDGE);
  const y = ({ value }: TrendPoint): number =>
    HEIGHT - EDGE - ((value - low) / (high - low || 1)) * (HEIGHT - 2 * EDGE);
  const said = sayChart('results.trend.text', {
    n: points.length,
    first: `${first.value} ${unit}`,
    last: `${last.value} ${unit}`,
  });
  return (
    <figure class="trend">
      <figcaption>
        <OfRecord>{what}</OfRecord>
        <strong>
          {last.value} {unit}
        </strong>
      </figcaption>
      <svg viewBox={`0 0 ${WIDTH} ${HEIGHT}`} role="img" aria-label={`${sayChart('results.trend', { what })}: ${said}`}>
        <polyline points={points.map(point => `${x(point).toFixed(1)},${y(point).toFixed(1)}`).join(' ')} />
        {points.map(point => (
          <circle key={point.at} cx={x(point).toFixed(1)} cy={y(point).toFixed(1)} r="3">
            <title>{`${point.date}: ${point.value} ${unit}`}</title>
          </circle>
        ))}
      </svg>
      <p class="quiet">
        {said} · {first.date} – {last.date}
      </p>
    </figure>
  );
}
