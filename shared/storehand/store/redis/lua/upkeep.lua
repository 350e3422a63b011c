local MOVES = 1000  -- rows that one call puts elsewhere because they need no message now

local function needs_message(row, grace_s, long_s)
  if not row.published_at then return true end
  local published_at = tonumber(row.published_at)
  return published_at < row.lease_until + grace_s or published_at <= now - long_s
end

-- Ids from the front of a sorted set up to `most`; `keep` may say for a row that it belongs elsewhere now.
local function gather(found, set, most, limit, keep)
  local passed, moves = 0, 0
  while #found < limit and moves < MOVES do
    local ids = call('ZRANGEBYSCORE', P .. set, '-inf', text(most), 'LIMIT', passed, limit - #found)
    if #ids == 0 then return end
    for _, id in ipairs(ids) do
      if not keep or keep(id) then
        found[#found + 1] = id
        passed = passed + 1
      else
        moves = moves + 1
      end
    end
  end
end

local function unrung(grace_s, long_s, limit)
  local found = {}
  gather(found, 'leased', now - grace_s, limit, function(id)  -- first: few workers die, but a broker may lose thousands
    local row = look(id, {'status', 'lease_until', 'published_at'})
    if needs_message(row, grace_s, long_s) then return true end
    call('ZREM', P .. 'leased', id)
    call('ZADD', P .. 'told', row.published_at, id)
    return false
  end)
  gather(found, 'told', now - long_s, limit)
  gather(found, 'due', now, limit)
  gather(found, 'rung', now - long_s, limit, function(id)
    local not_before = call('HGET', JOB .. id, 'not_before')
    if not not_before or tonumber(not_before) <= now then return true end
    call('ZREM', P .. 'rung', id)
    call('ZADD', P .. 'due', not_before, id)
    return false
  end)
  gather(found, 'fresh', now - grace_s, limit)
  return found
end

function ops.unrung(_, grace_s, long_s, limit) return packed_all(unrung(grace_s, long_s, limit)) end

function ops.expire(serial, limit)
  local ids = once(serial, function()
    local overdue = call('ZRANGEBYSCORE', P .. 'deadlines', '-inf', NOW, 'LIMIT', 0, limit)
    for _, id in ipairs(overdue) do finish(look(id, STATE), false, EXPIRED) end
    if #overdue > 0 then flag() end
    return overdue
  end)
  return packed_all(ids)
end

function ops.bury(serial, queue, reason, body, job_id, task)
  return once(serial, function() return bury(queue, reason, body, job_id, task) end)
end

local function drop_letter(id)
  local letter = call('HGET', P .. 'letters', id)
  if not letter then return 0 end
  local job_id = cjson.decode(letter)[4]
  if job_id then call('SREM', P .. 'letters:of:' .. job_id, id) end
  call('ZREM', P .. 'letters:order', id)
  return call('HDEL', P .. 'letters', id)
end

-- Newest first. `ids` false: all.
function ops.letters(_, limit, ids)
  local letters = {}
  for _, id in ipairs(ids or call('ZREVRANGE', P .. 'letters:order', 0, limit - 1)) do
    local letter = call('HGET', P .. 'letters', id)
    if letter then letters[#letters + 1] = {tonumber(id), letter} end
  end
  return letters
end

function ops.drop(serial, ids)
  return once(serial, function()
    local dropped = 0
    for _, id in ipairs(ids) do dropped = dropped + drop_letter(id) end
    return dropped
  end)
end

local function forget_key(row)
  if not row.idempotency_key then return end
  local field = key_field(row)
  if call('HGET', P .. 'keys', field) == row.id then call('HDEL', P .. 'keys', field) end
end

local OWN = {'status', 'task', 'tenant', 'idempotency_key', 'subject', 'payload_ref', 'outcome', 'n', 'fingerprint', 'input'}

-- One chunk: how many jobs, what their large inputs were stored under, how many letters.
function ops.sweep(serial, before, limit)
  return once(serial, function()
    local ids, refs = call('ZRANGEBYSCORE', P .. 'finished', '-inf', '(' .. text(before), 'LIMIT', 0, limit), {}
    for _, id in ipairs(ids) do
      local row = look(id, OWN)
      if row then
        forget_key(row)
        if row.subject then call('ZREM', SUBJECT .. row.subject, id) end
        if row.payload_ref then refs[#refs + 1] = row.payload_ref end
        call('ZREM', STATUS .. row.status, id)
      end
      call('ZREM', P .. 'finished', id)
      call('UNLINK', JOB .. id, EVENTS .. id, HISTORY .. id)
    end
    local letters = 0
    for _, id in ipairs(call('ZRANGE', P .. 'letters:order', 0, limit - 1)) do
      if tonumber(cjson.decode(call('HGET', P .. 'letters', id))[3]) >= before then break end
      letters = letters + drop_letter(id)
    end
    return {#ids, refs, letters}
  end)
end

function ops.erase(_, ids)
  local statuses = {}
  for i, id in ipairs(ids) do
    statuses[i] = cancel(id)
    if IS_FINAL[statuses[i]] then
      local row = look(id, OWN)
      forget_key(row)
      if row.subject then call('ZREM', SUBJECT .. row.subject, id) end
      for _, letter in ipairs(call('SMEMBERS', P .. 'letters:of:' .. id)) do drop_letter(letter) end
      call('DEL', EVENTS .. id)
      change(row, {
        outcome = ERASED[row.status], fingerprint = '', input = '{}', updated_at = now, subject = false,
        idempotency_key = false, payload_ref = false,
      })
      tell(id, 'end')
    end
  end
  return statuses
end

-- A part of the rows, newest first: those among the next `chunk` that match, and where to go on, if there is more.
function ops.find(_, statuses, task, tenant, subject, below, chunk, limit)
  local entries, is_wanted, sets = {}, {}, {}
  for _, status in ipairs(statuses) do
    is_wanted[status] = true
    sets[#sets + 1] = STATUS .. status
  end
  if is_wanted.running and not subject then
    for _, set in ipairs({'leased', 'told'}) do
      for _, id in ipairs(call('ZRANGE', P .. set, 0, -1)) do
        local number = tonumber(call('HGET', JOB .. id, 'n') or 0)
        if number < below then entries[#entries + 1] = {number, id} end
      end
    end
  end
  for _, set in ipairs(subject and {SUBJECT .. subject} or sets) do
    local part = call('ZREVRANGEBYSCORE', set, '(' .. text(below), '-inf', 'WITHSCORES', 'LIMIT', 0, chunk)
    for i = 1, #part, 2 do entries[#entries + 1] = {tonumber(part[i + 1]), part[i]} end
  end
  table.sort(entries, function(one, other) return one[1] > other[1] end)
  local found, n = {}, false
  for i = 1, math.min(#entries, chunk) do
    if #found >= limit then break end
    n = entries[i][1]
    local row = look(entries[i][2], {'status', 'task', 'tenant'})
    if row and is_wanted[row.status] and (not task or row.task == task) and (not tenant or row.tenant == tenant) then
      found[#found + 1] = row.id
    end
  end
  return {packed_all(found), #entries >= chunk and n or false}
end

function ops.lead(_, owner, lease_s)
  local leader = call('HMGET', P .. 'leader', 'owner', 'until')
  if leader[1] and leader[1] ~= owner and tonumber(leader[2]) > now then return false end
  call('HSET', P .. 'leader', 'owner', owner, 'until', text(now + lease_s))
  return true
end

function ops.stats(_, statuses)
  local counts, oldest = {}, false
  for i, status in ipairs(statuses) do
    local is_running = status == 'running'
    counts[i] = is_running and call('ZCARD', P .. 'leased') + call('ZCARD', P .. 'told')
      or call('ZCARD', STATUS .. status)
  end
  local first = call('ZRANGE', STATUS .. 'queued', 0, 0)[1]
  if first then oldest = text(now - call('HGET', JOB .. first, 'created_at')) end
  return {counts, oldest, call('HLEN', P .. 'letters')}
end

-- Who leads, how many need a message, how many letters.
function ops.upkeep(_, grace_s, long_s, limit)
  local leader = call('HMGET', P .. 'leader', 'owner', 'until')
  local leads = leader[1] and tonumber(leader[2]) > now and leader[1]
  return {leads, #unrung(grace_s, long_s, limit), call('HLEN', P .. 'letters')}
end
