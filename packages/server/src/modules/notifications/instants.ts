/** Instants as a letter says them: in full, and always with their time zone. */

const MONTHS = 'January February March April May June July August September October November December'.split(' ');

/** `21 December 2026`, in UTC. */
export function formatDay(instant: Date): string {
  return `${instant.getUTCDate()} ${MONTHS[instant.getUTCMonth()]} ${instant.getUTCFullYear()}`;
}

/** `21 December 2026, 04:12 UTC`. */
export function formatInstant(instant: Date): string {
  const twoDigits = (value: number) => String(value).padStart(2, '0');
  const time = `${twoDigits(instant.getUTCHours())}:${twoDigits(instant.getUTCMinutes())}`;
  return `${formatDay(instant)}, ${time} UTC`;
}
