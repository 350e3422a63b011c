-- A job is a hash; what stands in it is text. Sorted sets say where to look for which jobs:
--   status:<status>  by number n; none for running      finished   terminal ones, by when they ended
--   fresh  queued, no message yet, by updated_at        deadlines  queued ones, by deadline
--   due    queued, needs a message from this time on    leased     running, by the end of the lease
--   rung   queued, by when their message was sent       told       running, lease lost, message sent: by when
--   waiting:<task>\0<priority>  queued, by when they can begin
-- A queued job is in one of fresh, due and rung, a running one in leased or told.
-- `tallies` counts by task and priority: submitted; finished, what was claimed and ended; ended, what was not claimed;
-- and the busy microseconds from each claim on. What was submitted and has not ended runs, unless it stands in `waiting`.
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

local MOST = 2000  -- arguments of one command

-- One command about many members.
local function many(command, key, values)
  for i = 1, #values, MOST do call(command, key, unpack(values, i, math.min(#values, i + MOST - 1))) end
end
