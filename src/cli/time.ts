/**
 * Times for people.
 *
 * @module
 */

/**
 * A length of time in a unit that tells it well enough: "45s", "1m", "100s", "3m", "90m", "2h", "4d". One
 * of a unit and something over would be told in whole ones far too short.
 */
export function brief(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds));
  const fits = (unitS: number) => whole === unitS || whole >= 2 * unitS;
  const [unit, unitS] = UNITS.find(([, unitS]) => fits(unitS)) ?? ["s", 1];
  return `${Math.floor(whole / unitS)}${unit}`;
}

const UNITS = [["d", 86_400], ["h", 3600], ["m", 60]] as const;

/** A length of time in words: "45 s", "3 min", "2 h", "4 d". */
export function spoken(seconds: number): string {
  const [, count, unit] = /^(\d+)(\w)$/.exec(brief(seconds))!;
  return `${count} ${unit === "m" ? "min" : unit}`;
}

/** How long ago a time was, in whole seconds; 0 where it is still to come, or no time. */
export function secondsSince(time: string): number {
  return Math.max(0, Math.round((Date.now() - Date.parse(time)) / 1000)) || 0;
}

/** How long ago a time was: "3 min ago". */
export function ago(time: string): string {
  return `${spoken(secondsSince(time))} ago`;
}

/** Date and time where the reader is: "11-20 18:25:35". */
export function localTime(time: string): string {
  const date = new Date(time);
  if (Number.isNaN(date.getTime())) return "?";
  const two = (number: number) => String(number).padStart(2, "0");
  const day = `${two(date.getMonth() + 1)}-${two(date.getDate())}`;
  return `${day} ${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`;
}

const UNITS_S: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3600, d: 86_400, w: 604_800 };

/** Reads a length of time such as `30m`, `24h` or `7d`; null where it is none. */
export function parseSpan(text: string): number | null {
  const [, count, unit] = /^(\d{1,6})([smhdw])$/.exec(text) ?? [];
  return unit === undefined ? null : Number(count) * UNITS_S[unit];
}
