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

-- For each kind: its counts, what can begin, what can't yet, and the oldest. Then by how many rows the waiting sets
-- and the running counts are short of what the other sets say: 0, unless a program one version behind was at work.
function ops.tallies()
  local flat, kinds = call('HGETALL', P .. 'tallies'), {}
  local short, short_running = call('ZCARD', STATUS .. 'queued'), call('ZCARD', P .. 'leased') + call('ZCARD', P .. 'told')
  for i = 1, #flat, 2 do
    local what, kind = string.match(flat[i], '^(%a+)%z(.*)$')
    kinds[kind] = kinds[kind] or {}
    kinds[kind][what] = flat[i + 1]
    if what == 'started' then short_running = short_running - flat[i + 1] end
    if what == 'ended' then short_running = short_running + flat[i + 1] end
  end
  local found = {}
  for kind, counts in pairs(kinds) do
    local set = P .. 'waiting:' .. kind
    local oldest = oldest_in(set)
    local all, due = call('ZCARD', set), call('ZCOUNT', set, '-inf', NOW)
    found[#found + 1] = {kind, counts, due, all - due, oldest}
    short = short - all
  end
  return {found, short, short_running}
end

-- Puts queued rows, newest first, into their waiting sets: how many were not there, and where to go on.
function ops.retally(_, below, limit)
  local added, n = 0, false
  local part = call('ZREVRANGEBYSCORE', STATUS .. 'queued', '(' .. text(below), '-inf', 'WITHSCORES', 'LIMIT', 0, limit)
  for i = 1, #part, 2 do
    n = tonumber(part[i + 1])
    local row = look(part[i], {'status', 'task', 'priority', 'updated_at', 'not_before'})
    if row then
      added = added + wait(row)
      count(row, 'started', 0)  -- from now on it is one of the kinds
    end
  end
  return {added, #part == 2 * limit and n or false}
end

-- Takes rows out of a waiting set that are not queued: how many, and from which place on to look further.
function ops.untally(_, kind, from, limit)
  local set, removed = P .. 'waiting:' .. kind, 0
  local ids = call('ZRANGE', set, from, from + limit - 1)
  for _, id in ipairs(ids) do
    if call('HGET', JOB .. id, 'status') ~= 'queued' then removed = removed + call('ZREM', set, id) end
  end
  return {removed, #ids == limit and from + limit - removed or false}
end

-- Counts what runs anew; so many rows are running at most as all workers have slots. Starts and ends only grow.
function ops.rerun()
  local running, flat = {}, call('HGETALL', P .. 'tallies')
  for i = 1, #flat, 2 do
    local what, kind = string.match(flat[i], '^(%a+)%z(.*)$')
    local sign = what == 'started' and -1 or what == 'ended' and 1 or 0
    running[kind] = (running[kind] or 0) + sign * flat[i + 1]
  end
  for _, set in ipairs({'leased', 'told'}) do
    for _, id in ipairs(call('ZRANGE', P .. set, 0, -1)) do
      local row = look(id, {'status', 'task', 'priority'})
      if row then running[kind_of(row)] = (running[kind_of(row)] or 0) + 1 end
    end
  end
  for kind, missing in pairs(running) do
    local task, priority = string.match(kind, '^(.*)%z(%w+)$')
    local row = {task = task, priority = priority}
    if missing > 0 then count(row, 'started', missing) end
    if missing < 0 then
      count(row, 'ended', -missing)
      count(row, 'handed', -missing)  -- nobody knows how they ended
    end
  end
  return true
end
