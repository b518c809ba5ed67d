import { setTimeout as wait } from 'node:timers/promises';
import { itemsOf, textAt } from '../json.ts';
import { type Actor, must, type Stage } from './stage.ts';

/** The letters a customer got, oldest first. */
export async function lettersTo({ server }: Stage, email: string): Promise<readonly unknown[]> {
  const answer = await server.get('/sandbox/mail', { to: email });
  return [...itemsOf(answer)].reverse();
}

export function subjectsOf(letters: readonly unknown[]): string {
  return letters.map((letter) => `“${textAt(letter, 'subject') ?? ''}”`).join(', ') || 'no letter';
}

/** Reads the letters since `known` ones and finds in them one whose subject says each of the words, and that once. */
export async function expectLetters(
  stage: Stage,
  actor: Actor,
  known: number,
  words: readonly RegExp[],
): Promise<number> {
  stage.did(`read the mail for ${actor.email}`);
  const letters = await lettersTo(stage, actor.email);
  const fresh = letters.slice(known);
  for (const word of words) {
    const count = fresh.filter((letter) => word.test(textAt(letter, 'subject') ?? '')).length;
    must(count === 1, `one new letter about “${word.source}”`, subjectsOf(fresh));
  }
  stage.saw(subjectsOf(fresh));
  return letters.length;
}

/** Asks again until the answer is there: deliveries take a moment. Gives the last answer, whether it will do or not. */
export async function withinMs<T>(limitMs: number, ask: () => Promise<T>, done: (answer: T) => boolean): Promise<T> {
  const deadline = Date.now() + limitMs;
  for (;;) {
    const answer = await ask();
    if (done(answer) || Date.now() >= deadline) return answer;
    await wait(40);
  }
}
