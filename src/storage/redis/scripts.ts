/**
 * The scripts that Redis runs, each an atomic step: reading, deciding, writing and telling the watchers.
 * The time is the server's.
 *
 * All take the format's name as first key and `id`, `offset`, `format` and `csc` as first arguments,
 * and answer the `id` first: an answer that lost its place in the connection is recognised by it. Then
 * follows `ok`, what kept it from being done, or `newer` with the format found.
 *
 * A write that Redis has no memory for is refused at a script's first writing command, so that comes
 * before everything else that changes something.
 *
 * @module
 */

const BEGIN = `
local id, offset = ARGV[1], tonumber(ARGV[2])
local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000) + offset
local format = redis.call('GET', KEYS[1])
if format and tonumber(string.match(format, '^%d+') or '0') > tonumber(ARGV[3]) then
  return {id, 'newer', format}
end
local function text(n) return string.format('%.0f', n) end
local function live(entry)
  return entry[1] and (entry[5] == '' or now < tonumber(entry[5]))
end
local function read(name)
  local entry =
    redis.call('HMGET', name, 'version', 'value', 'author', 'stored', 'expires', 'fence')
  return live(entry) and entry
end
local function escape(key)
  return (string.gsub(key, '[%%:]', {['%'] = '%25', [':'] = '%3A'}))
end
`;

/** Of scripts that write to a key: its entry, its scope's keys and fences, and the scopes. */
const WRITE = `
local ENTRY, KEYS_OF, FENCES, SCOPES = KEYS[2], KEYS[3], KEYS[4], KEYS[5]
local channel, scope, key = ARGV[5], ARGV[6], ARGV[7]
local function begin()
  if not format then redis.call('SET', KEYS[1], ARGV[3] .. ' ' .. ARGV[4]) end
end
local function tidy()
  redis.call('ZREMRANGEBYSCORE', SCOPES, '-inf', text(now))
  redis.call('ZREMRANGEBYSCORE', KEYS_OF, '-inf', text(now))
  local last = redis.call('ZREVRANGE', KEYS_OF, 0, 0, 'WITHSCORES')[2]
  if not last then
    redis.call('ZREM', SCOPES, scope)
  elseif last == 'inf' then
    redis.call('ZADD', SCOPES, '+inf', scope)
    redis.call('PERSIST', KEYS_OF)
  else
    redis.call('ZADD', SCOPES, last, scope)
    redis.call('PEXPIREAT', KEYS_OF, text(tonumber(last) - offset))
  end
end
local function tell(version)
  redis.pcall('PUBLISH', channel, cjson.encode({scope, key, version}))
end
local function refused(entry, fence, expected, seen)
  if fence ~= '' and seen and tonumber(fence) < tonumber(seen) then return 'fence' end
  if expected == '' then return nil end
  if expected == 'absent' then return entry and 'version' or nil end
  return not (entry and '=' .. entry[1] == expected) and 'version' or nil
end
local function fence_of(entry)
  if entry then return entry[6] ~= '' and entry[6] end
  return redis.call('HGET', FENCES, key)
end
local function put(entry, value, author, expires, fence)
  begin()
  redis.call('HSET', ENTRY, 'version', id, 'value', value, 'author', author, 'stored', text(now),
    'expires', expires, 'fence', fence)
  if fence ~= '' then redis.call('HSET', FENCES, key, fence) end
  if not (entry and entry[5] == expires) then
    if expires == '' then
      redis.call('PERSIST', ENTRY)
      redis.call('ZADD', KEYS_OF, '+inf', key)
    else
      redis.call('PEXPIREAT', ENTRY, text(tonumber(expires) - offset))
      redis.call('ZADD', KEYS_OF, expires, key)
    end
    tidy()
  end
  tell(id)
end
local function highest(seen, fence)
  if fence == '' then return seen or '' end
  if seen and tonumber(seen) > tonumber(fence) then return seen end
  return fence
end
`;

const NOW = `${BEGIN}
return {id, 'ok', text(now)}
`;

const RETRIEVE = `${BEGIN}
return {id, 'ok', read(KEYS[2])}
`;

// The id is the version: a request that a network doubled finds its own and changes nothing.
const STORE = `${BEGIN}${WRITE}
local value, author, expected, fence, ttl = ARGV[8], ARGV[9], ARGV[10], ARGV[11], ARGV[12]
local entry = read(ENTRY)
local seen = fence_of(entry)
if entry and entry[1] == id then return {id, 'ok'} end
local reason = refused(entry, fence, expected, seen)
if reason then return {id, reason, entry, seen} end
put(entry, value, author, ttl == '' and '' or text(now + tonumber(ttl)), highest(seen, fence))
return {id, 'ok'}
`;

const DELETE = `${BEGIN}${WRITE}
local expected, fence = ARGV[8], ARGV[9]
local entry = read(ENTRY)
local seen = fence_of(entry)
local reason = refused(entry, fence, expected, seen)
if reason then return {id, reason, entry, seen} end
local raised = highest(seen, fence)
if raised ~= (seen or '') then
  begin()
  redis.call('HSET', FENCES, key, raised)
end
redis.call('DEL', ENTRY)
redis.call('ZREM', KEYS_OF, key)
tidy()
if entry then tell(nil) end
return {id, 'ok', entry and 1 or 0}
`;

const INCREMENT = `${BEGIN}${WRITE}
local by, author, ttl = ARGV[8], ARGV[9], ARGV[10]
local entry = read(ENTRY)
local seen = fence_of(entry)
if entry and entry[1] == id then return {id, 'ok', entry[2]} end
local from = tonumber(entry and entry[2] or '0')
local sum = from and from + tonumber(by)
local function safe(n) return n and n == math.floor(n) and math.abs(n) <= 9007199254740991 end
if not (safe(from) and safe(sum)) then return {id, 'unsafe', entry} end
local expires = ''
if entry then expires = entry[5] elseif ttl ~= '' then expires = text(now + tonumber(ttl)) end
put(entry, text(sum), author, expires, seen or '')
return {id, 'ok', text(sum)}
`;

const DELETE_SCOPE = `${BEGIN}${WRITE}
local existed = 0
local keys = redis.call('ZRANGE', KEYS_OF, 0, -1)
for _, name in ipairs(keys) do
  key = name
  local entry = read(ENTRY .. escape(key))
  redis.call('DEL', ENTRY .. escape(key))
  if entry then
    existed = 1
    tell(nil)
  end
end
redis.call('DEL', KEYS_OF)
tidy()
return {id, 'ok', existed}
`;

const LIST_KEYS = `${BEGIN}
return {id, 'ok', redis.call('ZRANGEBYSCORE', KEYS[2], '(' .. text(now), '+inf')}
`;

/** Of all keys of a scope: name and entry in turns. */
const RETRIEVE_ALL = `${BEGIN}
local base, found = ARGV[5], {}
for _, key in ipairs(redis.call('ZRANGEBYSCORE', KEYS[2], '(' .. text(now), '+inf')) do
  local entry = read(base .. escape(key))
  if entry then
    found[#found + 1] = key
    found[#found + 1] = entry
  end
end
return {id, 'ok', found}
`;

/** Of all keys of a scope: name and version in turns. */
const VERSIONS = `${BEGIN}
local base, found = ARGV[5], {}
for _, key in ipairs(redis.call('ZRANGEBYSCORE', KEYS[2], '(' .. text(now), '+inf')) do
  local version = redis.call('HGET', base .. escape(key), 'version')
  if version then
    found[#found + 1] = key
    found[#found + 1] = version
  end
end
return {id, 'ok', found}
`;

/** The scripts' texts. `listKeys` lists scopes too: both are sorted sets of names. */
export const SCRIPTS = {
  now: NOW,
  retrieve: RETRIEVE,
  store: STORE,
  delete: DELETE,
  increment: INCREMENT,
  deleteScope: DELETE_SCOPE,
  listKeys: LIST_KEYS,
  retrieveAll: RETRIEVE_ALL,
  versions: VERSIONS,
} as const satisfies Readonly<Record<string, string>>;

/** A script's name. */
export type ScriptName = keyof typeof SCRIPTS;

/** Texts of all scripts. */
export type Scripts = Readonly<Record<ScriptName, string>>;
