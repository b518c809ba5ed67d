import type { Client } from '../client.ts';
import { AnsweredError } from '../client.ts';
import { EXIT, type ExitCode } from '../host.ts';
import type { Session } from '../session.ts';
import { CHAPTERS, type Plot } from './chapters.ts';
import { brief, type Stage, StoryError, type Ware } from './stage.ts';

/** What is shown of each step with --json. */
interface StepRecord {
  step: string;
  passed: boolean;
  events: string[];
  expected?: string;
  seen?: string;
}

/** Plays every chapter until one is not what it should be. The exit code says whether all were. */
export async function playStory(
  { host, json, style }: Pick<Session, 'host' | 'json' | 'style'>,
  servers: { server: Client; stripe: Client },
  wanted: Partial<Ware>,
): Promise<ExitCode> {
  const say = (line: string) => {
    if (!json) host.out(line);
  };
  const began = performance.now();
  const records: StepRecord[] = [];
  const plot: Plot = { ...NOTHING_YET, wanted };
  for (const [index, { title, play }] of CHAPTERS.entries()) {
    const record: StepRecord = { step: title, passed: true, events: [] };
    records.push(record);
    const tell = (mark: string) => (text: string) => {
      record.events.push(text);
      say(`   ${style.dim(mark)} ${text}`);
    };
    const stage: Stage = { ...servers, did: tell('→'), saw: tell('←') };
    say(style.strong(`${String(index + 1).padStart(2)} ${title}`));
    try {
      await play(stage, plot);
    } catch (error) {
      record.passed = false;
      const { expected, seen } = failureOf(error);
      record.expected = expected;
      record.seen = seen;
      break;
    }
  }
  const failed = records.find(({ passed }) => !passed);
  const seconds = ((performance.now() - began) / 1000).toFixed(1);
  if (json)
    host.out(JSON.stringify({ passed: failed === undefined, seconds: Number(seconds), steps: records }, null, 2));
  if (failed === undefined) {
    say(style.good(`The whole story, ${records.length} steps in ${seconds} s: every one was what it should be.`));
    return EXIT.done;
  }
  host.err(style.bad(`Step ${records.length} failed: ${failed.step}`));
  host.err(`  expected  ${failed.expected}`);
  host.err(`  seen      ${failed.seen}`);
  return EXIT.no;
}

const NOBODY = { email: '', key: '', licenseId: '', subscriptionId: '', stripeCustomerId: '' };
const NOTHING_YET: Omit<Plot, 'wanted'> = {
  ware: { product: '', plan: '' },
  buyer: NOBODY,
  expiresAt: '',
  lettersRead: 0,
};

function failureOf(error: unknown): { expected: string; seen: string } {
  if (error instanceof StoryError) return { expected: error.expected, seen: error.seen };
  if (error instanceof AnsweredError) {
    return { expected: 'an answer that is no error', seen: `${error.message}: ${brief(error.body)}` };
  }
  return { expected: 'an answer', seen: error instanceof Error ? brief(error.message) : brief(String(error)) };
}
