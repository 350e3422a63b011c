-- Where queued and running rows stand, and how many.
local function kind_of(row) return row.task .. '\0' .. row.priority end

-- What all calls of this run change in `tallies` and the waiting sets; written at its end, many rows at a time.
local counted, waits = {}, {}
local function count(kind, what, by)
  local field = what .. '\0' .. kind
  counted[field] = (counted[field] or 0) + by
end

-- A running row is handed back or ends: so long a worker had it. A cancel moves `updated_at`.
local function count_turn(row)
  local began = row.cancel_requested_at and row.attempts == '1' and row.started_at or row.updated_at
  count(kind_of(row), 'busy', math.max(0, math.floor((now - began) * 1000000 + 0.5)))
end

-- From when on a row waits; false: it does not any more.
local function wait(row, due)
  local kind = kind_of(row)
  local set = waits[kind]
  if not set then
    set = {}
    waits[kind] = set
  end
  set[row.id] = due
end

local function due_at(row)
  if row.not_before and tonumber(row.not_before) > tonumber(row.updated_at) then return row.not_before end
  return row.updated_at
end

-- Puts a queued row where the reconciler looks for it.
local function file(row)
  wait(row, due_at(row))
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
  wait(row, false)
  if row.deadline then call('ZREM', P .. 'deadlines', id) end
  local set = row.published_at and 'rung' or 'fresh'
  if call('ZREM', P .. set, id) == 0 then call('ZREM', P .. 'due', id) end
end

local function one_less_open(tenant)
  if call('HINCRBY', P .. 'open', tenant, -1) <= 0 then call('HDEL', P .. 'open', tenant) end
end

function settle()
  for field, by in pairs(counted) do call('HINCRBY', P .. 'tallies', field, text(by)) end
  for kind, rows in pairs(waits) do
    local set, put, gone = P .. 'waiting:' .. kind, {}, {}
    for id, due in pairs(rows) do
      if due then
        put[#put + 1] = due
        put[#put + 1] = id
      else
        gone[#gone + 1] = id
      end
    end
    many('ZADD', set, put)
    many('ZREM', set, gone)
  end
  counted, waits = {}, {}
end
