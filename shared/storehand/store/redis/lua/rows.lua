-- A job is a hash; what stands in it is text. Sorted sets say where to look for which jobs:
--   status:<status>  by number n; none for running      finished   terminal ones, by when they ended
--   fresh  queued, no message yet, by updated_at        deadlines  queued ones, by deadline
--   due    queued, needs a message from this time on    leased     running, by the end of the lease
--   rung   queued, by when their message was sent       told       running, lease lost, message sent: by when
--   waiting:<task>\0<priority>  queued, by when they can begin
-- A queued job is in one of fresh, due and rung, a running one in leased or told.
-- `tallies` counts by task and priority: submitted; started, a claim; ended, what was claimed; handed, ended by a
-- hand-back; and the busy microseconds between. So started - ended run, and ended - handed have finished.
local JOB, EVENTS, HISTORY, STATUS, SUBJECT = P .. 'job:', P .. 'events:', P .. 'history:', P .. 'status:', P .. 'subject:'
local IS_FINAL = {succeeded = true, failed = true, cancelled = true, expired = true}
local STATE = {
  'status', 'task', 'tenant', 'attempts', 'crashes', 'owner', 'lease_until', 'published_at', 'not_before', 'deadline',
  'started_at', 'updated_at', 'cancel_requested_at', 'n', 'call', 'released', 'priority',
}

local function look(id, columns)
  local values = call('HMGET', JOB .. id, unpack(columns))
  local row = {id = id}
  for i = 1, #columns do row[columns[i]] = values[i] end
  return row.status and row or nil
end

-- A row as it travels: the values of ROW, then the id.
local function packed(id)
  local values = call('HMGET', JOB .. id, unpack(ROW))
  values[#ROW + 1] = id
  return values[STATUS_AT] and values
end

local function packed_all(ids)
  local rows = {}
  for _, id in ipairs(ids) do rows[#rows + 1] = packed(id) or nil end
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

local function kind_of(row) return row.task .. '\0' .. row.priority end

-- Sums of all calls of this run, written at its end.
local counted = {}
local function count(row, what, by)
  local field = what .. '\0' .. kind_of(row)
  counted[field] = (counted[field] or 0) + by
end

-- A running row is handed back or ends: so long a worker had it. A cancel moves `updated_at`.
local function count_end(row)
  count(row, 'ended', 1)
  local began = row.cancel_requested_at and row.attempts == '1' and row.started_at or row.updated_at
  count(row, 'busy', math.max(0, math.floor((now - began) * 1000000 + 0.5)))
end

local function wait(row)
  local due = row.updated_at
  if row.not_before and tonumber(row.not_before) > tonumber(due) then due = row.not_before end
  return call('ZADD', P .. 'waiting:' .. kind_of(row), due, row.id)
end

-- Puts a queued row where the reconciler looks for it.
local function file(row)
  wait(row)
  if row.published_at then
    call('ZADD', P .. 'rung', row.published_at, row.id)
  elseif row.not_before or row.started_at then
    call('ZADD', P .. 'due', row.not_before or row.updated_at, row.id)
  else
    call('ZADD', P .. 'fresh', row.updated_at, row.id)
  end
end

-- Before its status changes: takes a row out of the sets of those that are queued or running.
local function unfile(row)
  local id = row.id
  if row.status == 'running' then
    if call('ZREM', P .. 'leased', id) == 0 then call('ZREM', P .. 'told', id) end
    return
  end
  call('ZREM', STATUS .. 'queued', id)
  call('ZREM', P .. 'waiting:' .. kind_of(row), id)
  if row.deadline then call('ZREM', P .. 'deadlines', id) end
  local set = row.published_at and 'rung' or 'fresh'
  if call('ZREM', P .. set, id) == 0 then call('ZREM', P .. 'due', id) end
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
