import type { FetchedObject, Projector } from './project.ts';
import type { MirroredType } from './shapes.ts';

/** An answer of Stripe's as it is kept with its intent, in JSON. */
export interface KeptAnswer {
  object: FetchedObject['object'];
  /** As of when it holds. */
  asOf: string;
}

export const keepAnswer = ({ object, asOf }: FetchedObject): KeptAnswer => ({ object, asOf: asOf.toISOString() });

/** Takes an answer into the mirror, so that the next read sees it. */
export async function projectAnswer(
  projector: Pick<Projector, 'projectFetched'>,
  type: MirroredType,
  { object, asOf }: KeptAnswer,
): Promise<void> {
  await projector.projectFetched(type, object, new Date(asOf));
}
