import { InvalidArgumentError } from 'commander';
import type { Host } from '../host.ts';
import { UsageError } from '../host.ts';

/** For an option that may be given several times. */
export function collect(value: string, before: string[] = []): string[] {
  return [...before, value];
}

/** `name=value` pairs, for an option that may be given several times. */
export function collectPairs(value: string, before: Record<string, string> = {}): Record<string, string> {
  const equals = value.indexOf('=');
  if (equals < 1) throw new InvalidArgumentError('Write name=value.');
  return { ...before, [value.slice(0, equals)]: value.slice(equals + 1) };
}

/** A whole number above zero. */
export function wholeOption(value: string): number {
  if (!/^[1-9]\d{0,8}$/.test(value)) throw new InvalidArgumentError('Write a whole number above zero.');
  return Number(value);
}

/** An instant as the API takes it. A day alone is its first moment in UTC. */
export function instantOption(value: string): string {
  const milliseconds = /^\d{4}-\d{2}-\d{2}(T.+(Z|[+-]\d{2}:\d{2}))?$/.test(value) ? Date.parse(value) : Number.NaN;
  if (Number.isNaN(milliseconds)) {
    throw new InvalidArgumentError('Write a day or an instant: 2027-01-31 or 2027-01-31T12:00:00Z.');
  }
  return new Date(milliseconds).toISOString();
}

/** An end: an instant, or `never`. */
export function expiryOption(value: string): string {
  return value === 'never' ? value : instantOption(value);
}

/** The key given, or standard input for `-`, so that it need not be on a command line that others can see. */
export async function keyArgument(host: Host, given: string): Promise<string> {
  const key = given === '-' ? (await host.readInput()).trim() : given;
  if (key === '') throw new UsageError('There is no key on standard input.');
  return key;
}
