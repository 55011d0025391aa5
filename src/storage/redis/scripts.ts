/**
 * The scripts that Redis runs, each an atomic step: reading, deciding, writing and telling the watchers.
 * The time is the server's.
 *
 * All take the format's name as first key and `id` and `offset` as first arguments, and answer the `id`
 * first: an answer that lost its place in the connection is recognised by it. Then follows `ok`, what
 * kept it from being done, or `newer` with the format found.
 *
 * A write that Redis has no memory for is refused at a script's first writing command, so that comes
 * before everything else that changes something.
 *
 * Redis runs one script at a time, and makes a script's functions anew in each run. So what scripts
 * share is put in their texts, not in functions, and nothing is read that only a refusal needs.
 *
 * @module
 */

import { VERSION } from "../../version.ts";
import { SCHEMA_VERSION } from "../schema.ts";

const BEGIN = `
local call = redis.call
local id, offset = ARGV[1], tonumber(ARGV[2])
local clock = call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000) + offset
local format = call('GET', KEYS[1])
if format and tonumber(string.match(format, '^%d+') or '0') > ${SCHEMA_VERSION} then
  return {id, 'newer', format}
end
local function text(n) return string.format('%.0f', n) end
`;

/** Of scripts that read entries: the fields that decide, and those that are asked for. */
const READ = `
local function read(name, ...)
  local entry = call('HMGET', name, 'version', 'expires', 'fence', ...)
  return entry[1] and (entry[2] == '' or now < tonumber(entry[2])) and entry
end
`;

/** Of scripts that read a scope's entries: a key as a part of its entry's name. */
const ESCAPE = `
local function escape(key)
  return (string.gsub(key, '[%%:]', {['%'] = '%25', [':'] = '%3A'}))
end
`;

/** Of scripts that write to a key: its entry, its scope's keys and fences, and the scopes. */
const WRITE = `${BEGIN}${READ}
local ENTRY, KEYS_OF, FENCES, SCOPES = KEYS[2], KEYS[3], KEYS[4], KEYS[5]
local channel, scope, key = ARGV[3], ARGV[4], ARGV[5]
`;

const KEEP_FORMAT = `
if not format then call('SET', KEYS[1], '${SCHEMA_VERSION} ${VERSION}') end
`;

/** Tells the watchers of the key's version. */
const tell = (version: string) =>
  `redis.pcall('PUBLISH', channel, cjson.encode({scope, key, ${version}}))`;

/** Brings the indexes in line with what a scope's keys have become. */
const TIDY = `
call('ZREMRANGEBYSCORE', SCOPES, '-inf', text(now))
call('ZREMRANGEBYSCORE', KEYS_OF, '-inf', text(now))
local last = call('ZREVRANGE', KEYS_OF, 0, 0, 'WITHSCORES')[2]
if not last then
  call('ZREM', SCOPES, scope)
elseif last == 'inf' then
  call('ZADD', SCOPES, '+inf', scope)
  call('PERSIST', KEYS_OF)
else
  call('ZADD', SCOPES, last, scope)
  call('PEXPIREAT', KEYS_OF, text(tonumber(last) - offset))
end
`;

/** The highest fencing number that the key has seen. */
const SEEN = `
local seen
if entry then seen = entry[3] ~= '' and entry[3] else seen = call('HGET', FENCES, key) end
`;

/** Ends the script where a condition does not hold, with all that the key holds. */
const REFUSE = `
local reason
if fence ~= '' and seen and tonumber(fence) < tonumber(seen) then
  reason = 'fence'
elseif expected == 'absent' then
  reason = entry and 'version'
elseif expected ~= '' then
  reason = not (entry and '=' .. entry[1] == expected) and 'version'
end
if reason then
  return {id, reason, entry and read(ENTRY, 'value', 'author', 'stored'), seen}
end
`;

/** The fencing number that the key has seen now. */
const RAISE = `
if fence == '' or seen and tonumber(seen) > tonumber(fence) then fence = seen or '' end
`;

const PUT = `
${KEEP_FORMAT}
call('HSET', ENTRY, 'version', id, 'value', value, 'author', author, 'stored', text(now),
  'expires', expires, 'fence', fence)
if fence ~= '' then call('HSET', FENCES, key, fence) end
if not (entry and entry[2] == expires) then
  if expires == '' then
    call('PERSIST', ENTRY)
    call('ZADD', KEYS_OF, '+inf', key)
  else
    call('PEXPIREAT', ENTRY, text(tonumber(expires) - offset))
    call('ZADD', KEYS_OF, expires, key)
  end
  ${TIDY}
end
${tell("id")}
`;

const NOW = `${BEGIN}
return {id, 'ok', text(now)}
`;

const RETRIEVE = `${BEGIN}${READ}
return {id, 'ok', read(KEYS[2], 'value', 'author', 'stored')}
`;

// The id is the version: a request that a network doubled finds its own and changes nothing.
const STORE = `${WRITE}
local value, author, expected, fence, ttl = ARGV[6], ARGV[7], ARGV[8], ARGV[9], ARGV[10]
local entry = read(ENTRY)
${SEEN}
if entry and entry[1] == id then return {id, 'ok'} end
${REFUSE}
${RAISE}
local expires = ttl == '' and '' or text(now + tonumber(ttl))
${PUT}
return {id, 'ok'}
`;

const DELETE = `${WRITE}
local expected, fence = ARGV[6], ARGV[7]
local entry = read(ENTRY)
${SEEN}
${REFUSE}
${RAISE}
if fence ~= (seen or '') then
  ${KEEP_FORMAT}
  call('HSET', FENCES, key, fence)
end
call('DEL', ENTRY)
call('ZREM', KEYS_OF, key)
${TIDY}
if entry then ${tell("nil")} end
return {id, 'ok', entry and 1 or 0}
`;

const INCREMENT = `${WRITE}
local by, author, ttl = ARGV[6], ARGV[7], ARGV[8]
local entry = read(ENTRY, 'value')
${SEEN}
if entry and entry[1] == id then return {id, 'ok', entry[4]} end
local from = tonumber(entry and entry[4] or '0')
local sum = from and from + tonumber(by)
local function safe(n) return n and n == math.floor(n) and math.abs(n) <= 9007199254740991 end
if not (safe(from) and safe(sum)) then
  return {id, 'unsafe', entry and read(ENTRY, 'value', 'author', 'stored')}
end
local value, expires, fence = text(sum), '', seen or ''
if entry then expires = entry[2] elseif ttl ~= '' then expires = text(now + tonumber(ttl)) end
${PUT}
return {id, 'ok', value}
`;

const DELETE_SCOPE = `${WRITE}${ESCAPE}
local existed = 0
local keys = call('ZRANGE', KEYS_OF, 0, -1)
for _, name in ipairs(keys) do
  key = name
  local entry = read(ENTRY .. escape(key))
  call('DEL', ENTRY .. escape(key))
  if entry then
    existed = 1
    ${tell("nil")}
  end
end
call('DEL', KEYS_OF)
${TIDY}
return {id, 'ok', existed}
`;

const LIST_KEYS = `${BEGIN}
return {id, 'ok', call('ZRANGEBYSCORE', KEYS[2], '(' .. text(now), '+inf')}
`;

/** Of all keys of a scope: name and entry in turns. */
const RETRIEVE_ALL = `${BEGIN}${READ}${ESCAPE}
local base, found = ARGV[3], {}
for _, key in ipairs(call('ZRANGEBYSCORE', KEYS[2], '(' .. text(now), '+inf')) do
  local entry = read(base .. escape(key), 'value', 'author', 'stored')
  if entry then
    found[#found + 1] = key
    found[#found + 1] = entry
  end
end
return {id, 'ok', found}
`;

/** Of all keys of a scope: name and version in turns. */
const VERSIONS = `${BEGIN}${ESCAPE}
local base, found = ARGV[3], {}
for _, key in ipairs(call('ZRANGEBYSCORE', KEYS[2], '(' .. text(now), '+inf')) do
  local version = call('HGET', base .. escape(key), 'version')
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
