/** A letter before it is HTML or plain text: what is said, in a handful of shapes that both can show. */

export type Block =
  /** A paragraph. */
  | { kind: 'text'; text: string }
  /** A licence key, on its own, whole, easy to select. */
  | { kind: 'key'; label: string; key: string }
  /** What is the case, as label and value. */
  | { kind: 'facts'; facts: readonly (readonly [label: string, value: string])[] }
  /** What to do, in order. */
  | { kind: 'steps'; steps: readonly string[] }
  /** Something for a terminal. */
  | { kind: 'code'; label: string; code: string }
  /** The one thing to click. */
  | { kind: 'button'; label: string; url: string }
  /** Small print. */
  | { kind: 'note'; text: string };

export interface Letter {
  subject: string;
  /** What mailboxes show after the subject. */
  preview: string;
  heading: string;
  blocks: readonly Block[];
  /** Who signs it. */
  sender: { name: string; supportEmail: string | null; url: string | null };
}
