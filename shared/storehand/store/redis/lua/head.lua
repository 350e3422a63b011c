-- KEYS[1]: a hash tag, the first word of every key, so that all of them live on one node of a cluster.
-- ARGV: the calls as JSON; until when they may be executed; a test's clock; the name of the caller's process.
-- Who calls gets JSON: this server's time, and for each call whether it went well and its value.
-- A caller that got no reply sends the same calls again: each of them then does nothing twice and says what it said.
-- false stands for None in calls and replies.
local call = redis.call
local P = KEYS[1] .. ':'
local NONCE = ARGV[4]
local ops = {}
local settle  -- of those that put off what they write

local function text(number) return string.format('%.17g', number) end

local clock = call('TIME')
local real = clock[1] + clock[2] / 1000000
if real > tonumber(ARGV[2]) then return cjson.encode({text(real), false}) end
local now = ARGV[3] ~= '' and tonumber(ARGV[3]) or real
local NOW = text(now)

-- What this call, or its part, is known by when it comes again.
local function token(serial) return NONCE .. '.' .. serial end

-- Whether a mark was left by this call or by a later one of the same process.
local function is_done(mark, serial)
  if not mark then return false end
  local nonce, number = string.match(mark, '^(.*)%.(%d+)$')
  return nonce == NONCE and tonumber(number) >= serial
end

-- For calls that leave no trace in a row: their value is kept a minute.
local function once(serial, work)
  local key = P .. 'once:' .. token(serial)
  local said = call('GET', key)
  if said then return cjson.decode(said) end
  local value = work()
  call('SET', key, cjson.encode(value), 'PX', 60000)
  return value
end
