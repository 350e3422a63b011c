local function key_field(new) return new.tenant .. '\0' .. new.task .. '\0' .. new.idempotency_key end

-- The row that is there already: its id, task and fingerprint, and what it was found by.
local function first_of(new, seen)
  local same = seen[new.id] or look(new.id, {'status', 'task', 'fingerprint'})
  if same then return same, 'id' end
  if not new.idempotency_key then return nil end
  local field = key_field(new)
  local id = call('HGET', P .. 'keys', field)
  return seen[field] or id and look(id, {'status', 'task', 'fingerprint'}) or nil, 'key'
end

-- The refusal, if there is one, and the bucket as it stands afterwards.
local function admit(tenant, number, limit)
  if limit.open_jobs then
    local open = tonumber(call('HGET', P .. 'open', tenant) or 0)
    if open + number > limit.open_jobs then return {'quota', tenant, open, number} end
  end
  if not limit.jobs_per_s then return nil end
  local tokens, bucket = limit.burst, call('HGET', P .. 'buckets', tenant)
  if bucket then
    local left, at = string.match(bucket, '^(%S+) (%S+)$')
    tokens = math.min(tokens, left + math.max(0, now - at) * limit.jobs_per_s)
  end
  -- More jobs than `burst` in one call need a full bucket and leave it in debt.
  local missing = math.min(number, limit.burst) - tokens
  if missing > 0.001 then return {'rate', tenant, text(missing)} end
  return nil, text(tokens - number) .. ' ' .. NOW
end

-- Of the rows that are new: members and scores of the sets they go to.
local function write(new, n, queued, fresh, due)
  local row = {id = new.id, n = text(n), updated_at = NOW}
  local fields = {'n', row.n, 'status', 'queued', 'created_at', NOW, 'updated_at', NOW, 'attempts', '0', 'crashes', '0'}
  for name, value in pairs(new) do
    if type(value) == 'number' then value = text(value) end
    row[name] = value
    if value and name ~= 'id' then
      fields[#fields + 1] = name
      fields[#fields + 1] = value
    end
  end
  call('HSET', JOB .. new.id, unpack(fields))
  queued[#queued + 1] = row.n
  queued[#queued + 1] = new.id
  local set = row.not_before and due or fresh
  set[#set + 1] = row.not_before or NOW
  set[#set + 1] = new.id
  wait(row, due_at(row))
  count(kind_of(row), 'submitted', 1)
  if row.deadline then call('ZADD', P .. 'deadlines', row.deadline, new.id) end
  if new.idempotency_key then call('HSET', P .. 'keys', key_field(new), new.id) end
  if new.subject then call('ZADD', SUBJECT .. new.subject, row.n, new.id) end
end

local function write_all(jobs)
  if #jobs == 0 then return end
  local n, queued, fresh, due = call('INCRBY', P .. 'n', #jobs) - #jobs, {}, {}, {}
  for i, new in ipairs(jobs) do write(new, n + i, queued, fresh, due) end
  many('ZADD', STATUS .. 'queued', queued)
  many('ZADD', P .. 'fresh', fresh)
  many('ZADD', P .. 'due', due)
end

-- All or none: first everything is looked at, then everything is written.
function ops.create(_, jobs, limits)
  local rows, fresh, seen, wanted, buckets = {}, {}, {}, {}, {}
  for i, new in ipairs(jobs) do
    local first, by = first_of(new, seen)
    if not first then
      fresh[#fresh + 1] = new
      wanted[new.tenant] = (wanted[new.tenant] or 0) + 1
      rows[i] = NOW
      seen[new.id] = {id = new.id, task = new.task, fingerprint = new.fingerprint, i = i}
      if new.idempotency_key then seen[key_field(new)] = seen[new.id] end
    elseif first.task ~= new.task or first.fingerprint ~= new.fingerprint and first.fingerprint ~= '' then
      return {'conflict', first.id, by, by == 'id' and new.id or new.idempotency_key}
    else
      rows[i] = first.i or packed(first.id)
    end
  end
  for tenant, number in pairs(wanted) do
    if limits[tenant] then
      local refusal, bucket = admit(tenant, number, limits[tenant])
      if refusal then return refusal end
      buckets[tenant] = bucket
    end
  end
  for tenant, bucket in pairs(buckets) do call('HSET', P .. 'buckets', tenant, bucket) end
  for tenant, number in pairs(wanted) do call('HINCRBY', P .. 'open', tenant, number) end
  write_all(fresh)
  return {'ok', rows}
end
