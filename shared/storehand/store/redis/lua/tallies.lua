local FRONT = 100  -- rows at the front of a waiting set that one look may find out of place

-- The front of a waiting set: since when its oldest can begin. A program one version behind takes rows out of the
-- others only, so what is not queued any more leaves here.
local function oldest_in(set)
  for _ = 1, FRONT do
    local first = call('ZRANGE', set, 0, 0, 'WITHSCORES')
    if not first[1] then return false end
    if call('HGET', JOB .. first[1], 'status') == 'queued' then return first[2] end
    call('ZREM', set, first[1])
  end
  return false
end

-- By kind: its counts as numbers, and what runs.
local function kinds()
  settle()
  local flat, found = call('HGETALL', P .. 'tallies'), {}
  for i = 1, #flat, 2 do
    local what, kind = string.match(flat[i], '^(%a+)%z(.*)$')
    found[kind] = found[kind] or {submitted = 0, finished = 0, ended = 0, busy = 0}
    found[kind][what] = tonumber(flat[i + 1])
  end
  for kind, counts in pairs(found) do
    counts.waiting = call('ZCARD', P .. 'waiting:' .. kind)
    counts.running = counts.submitted - counts.finished - counts.ended - counts.waiting
  end
  return found
end

-- For each kind: its counts, how many of those that wait can't begin yet, and since when the oldest can. Then by how
-- many rows the waiting sets and what runs are short of what the other sets say: 0, unless a program one version
-- behind was at work.
function ops.tallies()
  local found = {}
  local short, short_running = call('ZCARD', STATUS .. 'queued'), call('ZCARD', P .. 'leased') + call('ZCARD', P .. 'told')
  for kind, counts in pairs(kinds()) do
    local set = P .. 'waiting:' .. kind
    local oldest = oldest_in(set)
    found[#found + 1] = {kind, counts, call('ZCOUNT', set, '(' .. NOW, '+inf'), oldest}
    short = short - counts.waiting
    short_running = short_running - counts.running
  end
  return {found, short, short_running}
end

-- Puts queued rows, newest first, into their waiting sets: how many were not there, and where to go on.
function ops.retally(_, below, limit)
  settle()
  local added, n = 0, false
  local part = call('ZREVRANGEBYSCORE', STATUS .. 'queued', '(' .. text(below), '-inf', 'WITHSCORES', 'LIMIT', 0, limit)
  for i = 1, #part, 2 do
    n = tonumber(part[i + 1])
    local row = look(part[i], {'status', 'task', 'priority', 'updated_at', 'not_before'})
    if row then
      added = added + call('ZADD', P .. 'waiting:' .. kind_of(row), due_at(row), row.id)
      count(kind_of(row), 'submitted', 0)  -- from now on it is one of the kinds
    end
  end
  return {added, #part == 2 * limit and n or false}
end

-- Takes rows out of a waiting set that are not queued: how many, and from which place on to look further.
function ops.untally(_, kind, from, limit)
  settle()
  local set, removed = P .. 'waiting:' .. kind, 0
  local ids = call('ZRANGE', set, from, from + limit - 1)
  for _, id in ipairs(ids) do
    if call('HGET', JOB .. id, 'status') ~= 'queued' then removed = removed + call('ZREM', set, id) end
  end
  return {removed, #ids == limit and from + limit - removed or false}
end

-- Counts what runs anew; so many rows are running at most as all workers have slots.
function ops.rerun()
  local missing = {}
  for kind, counts in pairs(kinds()) do missing[kind] = -counts.running end
  for _, set in ipairs({'leased', 'told'}) do
    for _, id in ipairs(call('ZRANGE', P .. set, 0, -1)) do
      local row = look(id, {'status', 'task', 'priority'})
      if row then missing[kind_of(row)] = (missing[kind_of(row)] or 0) + 1 end
    end
  end
  for kind, number in pairs(missing) do  -- nobody knows how they ended
    count(kind, number > 0 and 'submitted' or 'ended', math.abs(number))
  end
  return true
end
