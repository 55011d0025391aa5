import { storeRoute } from "../src/http/store_route.ts";
import { Tokens, type TokenWish } from "../src/http/tokens.ts";
import { TenantStore } from "../src/storage/tenant.ts";
import type { StorageAdapter } from "../src/storage/adapter.ts";
import { assert } from "./support/assert.ts";
import { type Kit, type principal, SOUND } from "./support/store_route.ts";
import { RULES } from "./support/store_route_rules.ts";

/** The names of the rules that a server breaks. */
async function brokenRules(kit: Kit): Promise<string[]> {
  const broken: string[] = [];
  for (const rule of RULES) {
    try {
      await rule.check({ ...kit, patienceMs: 200 });
    } catch {
      broken.push(rule.name);
    }
  }
  return broken;
}

/** A route that gets another body than was sent. */
function withBody(change: (said: Record<string, unknown>) => void): typeof storeRoute {
  return async (request, ...rest) => {
    const said = await request.json();
    change(said);
    const { url, method, headers } = request;
    return storeRoute(
      new Request(url, { method, headers, body: JSON.stringify(said) }),
      ...rest,
    );
  };
}

/** A route that takes everybody for somebody else. */
function withPrincipal(change: Partial<Parameters<typeof principal>[0]>): typeof storeRoute {
  return (request, who, ...rest) => storeRoute(request, { ...who, ...change }, ...rest);
}

class WatchesWithoutPrefix extends TenantStore {
  readonly #shared: StorageAdapter;
  constructor(store: StorageAdapter, tenant: string) {
    super(store, tenant);
    this.#shared = store;
  }
  override async watch(pattern?: string, signal?: AbortSignal) {
    const own = await super.watch(pattern, signal);
    const all = await this.#shared.watch(pattern, signal);
    return (async function* () {
      const reading = own[Symbol.asyncIterator]();
      const foreign = all[Symbol.asyncIterator]();
      const first = await foreign.next();
      if (!first.done) yield first.value;
      for (let next; !(next = await reading.next()).done;) yield next.value;
    })();
  }
}

class ComparesPrefixes extends Tokens {
  readonly #made: string[] = [];
  override async create(wish: TokenWish) {
    const made = await super.create(wish);
    this.#made.push(made.token);
    return made;
  }
  override verify(presented: string) {
    const found = this.#made.find((one) => one.startsWith(presented.slice(0, 24)));
    return super.verify(found ?? presented);
  }
}

const PLANTED: Readonly<Record<string, Kit>> = {
  "ignores the ids of writes": { ...SOUND, route: withBody((said) => delete said.id) },
  "does again what it cannot know": { ...SOUND, route: withBody((said) => delete said.again_ms) },
  "mixes up the ids of users": { ...SOUND, route: withPrincipal({ user: "everybody" }) },
  "mixes up tenants": { ...SOUND, route: withPrincipal({ tenant: "everybody" }) },
  "watches without a tenant's prefix": {
    ...SOUND,
    tenant: (store, name) => new WatchesWithoutPrefix(store, name),
  },
  "compares the beginnings of tokens": { ...SOUND, tokens: (path) => new ComparesPrefixes(path) },
  "checks no scopes of tokens": {
    ...SOUND,
    route: withPrincipal({ scopes: new Set(["read", "write", "force", "admin"]) }),
  },
  "checks no projects": { ...SOUND, route: withPrincipal({ projects: null }) },
  "checks no machines": { ...SOUND, route: withPrincipal({ machines: null }) },
};

Deno.test("the rules hold for the server as it is", async () => {
  for (const rule of RULES) await rule.check(SOUND);
});

for (const [bug, kit] of Object.entries(PLANTED)) {
  Deno.test(`the rules catch a server that ${bug}`, async () => {
    const broken = await brokenRules(kit);
    assert(broken.length > 0, "no rule has noticed");
    assert(broken.length < RULES.length, "the server is not just unusable");
  });
}
