const NAMES = [
  "REDIS_URL",
  "COORDINATION_DIR",
  "DEFAULT_LOCK_TIMEOUT",
  "HEARTBEAT_TTL",
  "SERVER_PORT",
];

/** Runs a task while seed 004's variables are exactly these. */
export async function withVariables(
  values: Readonly<Record<string, string>>,
  task: () => unknown,
): Promise<void> {
  const before = NAMES.map((name) => [name, Deno.env.get(name)] as const);
  for (const name of NAMES) {
    if (values[name] === undefined) Deno.env.delete(name);
    else Deno.env.set(name, values[name]);
  }
  try {
    await task();
  } finally {
    for (const [name, value] of before) {
      if (value === undefined) Deno.env.delete(name);
      else Deno.env.set(name, value);
    }
  }
}
