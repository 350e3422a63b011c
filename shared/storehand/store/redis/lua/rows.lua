-- A job is a hash; what stands in it is text. Sorted sets say where to look for which jobs:
--   status:<status>  all jobs, by their number n        finished   terminal ones, by when they ended
--   fresh  queued, no message yet, by updated_at        deadlines  queued ones, by deadline
--   due    queued, needs a message from this time on    leased     running, by the end of the lease
--   rung   queued, by when their message was sent       told       running, lease lost, message sent: by when
-- A queued job is in one of fresh, due and rung, a running one in leased or told.
local JOB, EVENTS, HISTORY, STATUS, SUBJECT = P .. 'job:', P .. 'events:', P .. 'history:', P .. 'status:', P .. 'subject:'
local IS_FINAL = {succeeded = true, failed = true, cancelled = true, expired = true}
local STATE = {
  'status', 'task', 'tenant', 'attempts', 'owner', 'lease_until', 'published_at', 'not_before', 'deadline',
  'started_at', 'updated_at', 'cancel_requested_at', 'n', 'call', 'released',
}
local FULL = {unpack(ROW)}
for _, name in ipairs({'n', 'call'}) do FULL[#FULL + 1] = name end

local function look(id, columns)
  local values = call('HMGET', JOB .. id, unpack(columns))
  local row = {id = id}
  for i = 1, #columns do row[columns[i]] = values[i] end
  return row.status and row or nil
end

local function packed(row)
  local values = {row.id}
  for i = 1, #ROW do values[i + 1] = row[ROW[i]] or false end
  return values
end

local function packed_all(ids)
  local rows = {}
  for _, id in ipairs(ids) do
    local row = look(id, ROW)
    if row then rows[#rows + 1] = packed(row) end
  end
  return rows
end

-- false takes a field away
local function change(row, fields)
  local set, gone = {}, {}
  for name, value in pairs(fields) do
    if type(value) == 'number' then value = text(value) end
    if value then
      set[#set + 1] = name
      set[#set + 1] = value
    elseif row[name] then
      gone[#gone + 1] = name
    end
    row[name] = value
  end
  if #set > 0 then call('HSET', JOB .. row.id, unpack(set)) end
  if #gone > 0 then call('HDEL', JOB .. row.id, unpack(gone)) end
end

-- Puts a queued row where the reconciler looks for it.
local function file(row)
  if row.published_at then
    call('ZADD', P .. 'rung', row.published_at, row.id)
  elseif row.not_before or row.started_at then
    call('ZADD', P .. 'due', row.not_before or row.updated_at, row.id)
  else
    call('ZADD', P .. 'fresh', row.updated_at, row.id)
  end
end

local function unfile(row)
  if row.status == 'queued' then
    call('ZREM', P .. 'fresh', row.id)
    call('ZREM', P .. 'due', row.id)
    call('ZREM', P .. 'rung', row.id)
    if row.deadline then call('ZREM', P .. 'deadlines', row.id) end
  else
    call('ZREM', P .. 'leased', row.id)
    call('ZREM', P .. 'told', row.id)
  end
end

local function move(row, status)
  unfile(row)
  call('ZREM', STATUS .. row.status, row.id)
  call('ZADD', STATUS .. status, row.n, row.id)
end

local function lease(row, lease_until)
  call('ZADD', P .. 'leased', text(lease_until), row.id)
  change(row, {lease_until = lease_until})
end

-- `data` is JSON. A long history loses its middle: how a job began and how it ends tell most.
local function note(id, what, data)
  local line = '[' .. NOW .. ',' .. cjson.encode(what) .. ',' .. data .. ']'
  if call('RPUSH', HISTORY .. id, line) > HISTORY_NOTES then
    call('LSET', HISTORY .. id, HISTORY_NOTES / 2, '')
    call('LREM', HISTORY .. id, 1, '')
  end
end

-- Who waits for this job hears of it: in the process that waits, a listener counts.
local function tell(id, what) call('PUBLISH', P .. 'on:' .. id, what) end

-- Workers hear that some lease or flag is not what it was.
local function flag() call('PUBLISH', P .. 'flags', '') end

local function add_event(id, attempt, kind, data)
  return call('RPUSH', EVENTS .. id, '[' .. attempt .. ',"' .. kind .. '",' .. data .. ',' .. NOW .. ']')
end

local function one_less_open(tenant)
  if call('HINCRBY', P .. 'open', tenant, -1) <= 0 then call('HDEL', P .. 'open', tenant) end
end
