/** Label selectors with the semantics of Kubernetes (apimachinery, `LabelSelector`). Pure. */

export interface LabelSelector {
  readonly matchLabels?: Readonly<Record<string, string>> | undefined;
  readonly matchExpressions?: readonly LabelExpression[] | undefined;
}

export interface LabelExpression {
  readonly key: string;
  readonly operator: 'In' | 'NotIn' | 'Exists' | 'DoesNotExist';
  /** Only for `In` and `NotIn`. */
  readonly values?: readonly string[] | undefined;
}

/** Whether the labels match every part of the selector; an empty one selects everything. */
export function isSelected(labels: Readonly<Record<string, string>>, selector: LabelSelector): boolean {
  const wanted = Object.entries(selector.matchLabels ?? {});
  return (
    wanted.every(([key, value]) => labelOf(labels, key) === value) &&
    (selector.matchExpressions ?? []).every(expression => holds(labels, expression))
  );
}

function holds(labels: Readonly<Record<string, string>>, { key, operator, values = [] }: LabelExpression) {
  const value = labelOf(labels, key);
  switch (operator) {
    case 'Exists':
      return value !== undefined;
    case 'DoesNotExist':
      return value === undefined;
    case 'In':
      return value !== undefined && values.includes(value);
    case 'NotIn':
      // A missing label is not among the values.
      return value === undefined || !values.includes(value);
  }
}

/** A label may have the name of a property that every object inherits (`constructor`). */
function labelOf(labels: Readonly<Record<string, string>>, key: string): string | undefined {
  return Object.hasOwn(labels, key) ? labels[key] : undefined;
}
