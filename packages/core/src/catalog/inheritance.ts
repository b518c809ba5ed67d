/** What a plan has from the plans it builds on. */

/** The parts of a plan that are inherited. */
export interface InheritingPlan {
  readonly id: string;
  readonly inherits: string | null;
  readonly features: readonly string[];
  readonly limits: Readonly<Record<string, number>>;
}

/**
 * The plan and those it inherits from, nearest first. A plan that is met a second time ends the list, so that a loop in
 * a catalog that is still being checked does no harm.
 */
export function lineage<P extends InheritingPlan>(plans: readonly P[], plan: P): P[] {
  const line: P[] = [];
  let current: P | undefined = plan;
  while (current !== undefined && !line.includes(current)) {
    line.push(current);
    const parent: string | null = current.inherits;
    current = parent === null ? undefined : plans.find((candidate) => candidate.id === parent);
  }
  return line;
}

/** Whether following `inherits` from this plan leads back to it. */
export function inheritsFromItself<P extends InheritingPlan>(plans: readonly P[], plan: P): boolean {
  const line = lineage(plans, plan);
  return line.at(-1)?.inherits === plan.id;
}

/** The plan's own features in their order, then what it inherits, each once. */
export function entitlementsOf<P extends InheritingPlan>(plans: readonly P[], plan: P): string[] {
  return [...new Set(lineage(plans, plan).flatMap((each) => each.features))];
}

/** The plan's own limits over those it inherits. */
export function limitsOf<P extends InheritingPlan>(plans: readonly P[], plan: P): Record<string, number> {
  return Object.assign(
    {},
    ...lineage(plans, plan)
      .map((each) => each.limits)
      .reverse(),
  );
}
