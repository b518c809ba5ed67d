import { z } from 'zod';
import { sealedLink } from '../../accounts/index.ts';
import type { Letter } from '../letter.ts';
import { type Template, template } from './template.ts';

const facts = z.object({ link: sealedLink, minutes: z.int().positive() });

/** A letter about an account. Its link was sealed when the letter was decided, and is opened only now. */
export function accountLetter(
  compose: (link: string, minutes: number) => Omit<Letter, 'sender'>,
): Template<typeof facts> {
  return template(facts, ({ link, minutes }, context) => ({
    ...compose(context.openLink(link), minutes),
    sender: context.house,
  }));
}
