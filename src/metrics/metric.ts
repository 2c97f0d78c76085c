/**
 * A metric: what is said of it, and its samples for a row.
 * @module
 */
import type { MetricFamily } from './text.js';
import { labelText, sampleText } from './text.js';

/** A metric and how it is written. */
export interface Metric<Row> extends MetricFamily {
  /** The lines of one row; none where it is not known. */
  samples(row: Row): string;
}

type Value = number | bigint | undefined;

/** What a metric is made of. */
interface Description extends Omit<MetricFamily, 'labels'> {
  readonly labels?: readonly string[];
}

/** The labels of a row; of the director as a whole there are none. */
function labelsOf(row: { readonly labels?: string }): string {
  return row.labels ?? '';
}

/** A metric with one sample a row, which has no other labels than the row. */
export function single<Row extends object>(family: Description, value: (row: Row) => Value): Metric<Row> {
  return {
    labels: [],
    ...family,
    samples(row) {
      const found = value(row);
      return found === undefined ? '' : sampleText(family.name, labelsOf(row), found);
    },
  };
}

/** A metric with a sample for each value of one more label. */
export function several<Row extends object>(
  family: Description,
  label: string,
  values: Readonly<Record<string, (row: Row) => Value>>,
): Metric<Row> {
  const all = Object.entries(values).map(([word, value]) => ({ labels: labelText({ [label]: word }), value }));
  return {
    ...family,
    labels: [...(family.labels ?? []), label],
    samples(row) {
      const own = labelsOf(row);
      const before = own === '' ? '' : `${own},`;
      let text = '';
      for (const { labels, value } of all) {
        const found = value(row);
        if (found !== undefined) text += sampleText(family.name, before + labels, found);
      }
      return text;
    },
  };
}
