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

local function write(new)
  local row = {id = new.id, n = text(call('INCR', P .. 'n')), updated_at = NOW}
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
  call('ZADD', STATUS .. 'queued', row.n, new.id)
  file(row)
  count(row, 'submitted', 1)
  if row.deadline then call('ZADD', P .. 'deadlines', row.deadline, new.id) end
  if new.idempotency_key then call('HSET', P .. 'keys', key_field(new), new.id) end
  if new.subject then call('ZADD', SUBJECT .. new.subject, row.n, new.id) end
  call('HINCRBY', P .. 'open', new.tenant, 1)
end

-- All or none: first everything is looked at, then everything is written.
function ops.create(_, jobs, limits)
  local rows, fresh, seen, count, buckets = {}, {}, {}, {}, {}
  for i, new in ipairs(jobs) do
    local first, by = first_of(new, seen)
    if not first then
      fresh[#fresh + 1] = new
      count[new.tenant] = (count[new.tenant] or 0) + 1
      rows[i] = NOW
      seen[new.id] = {id = new.id, task = new.task, fingerprint = new.fingerprint, i = i}
      if new.idempotency_key then seen[key_field(new)] = seen[new.id] end
    elseif first.task ~= new.task or first.fingerprint ~= new.fingerprint and first.fingerprint ~= '' then
      return {'conflict', first.id, by, by == 'id' and new.id or new.idempotency_key}
    else
      rows[i] = first.i or packed(first.id)
    end
  end
  for tenant, number in pairs(count) do
    if limits[tenant] then
      local refusal, bucket = admit(tenant, number, limits[tenant])
      if refusal then return refusal end
      buckets[tenant] = bucket
    end
  end
  for tenant, bucket in pairs(buckets) do call('HSET', P .. 'buckets', tenant, bucket) end
  for _, new in ipairs(fresh) do write(new) end
  return {'ok', rows}
end

-- `at` is when publishing began: what was claimed or handed back since stays as it is.
function ops.mark(_, ids, at)
  for _, id in ipairs(ids) do
    local row = look(id, {'status', 'updated_at', 'published_at', 'lease_until'})
    if row and tonumber(row.updated_at) <= at then
      if row.status == 'queued' then
        call('ZREM', P .. 'fresh', id)
        call('ZREM', P .. 'due', id)
        call('ZADD', P .. 'rung', text(at), id)
      elseif row.status == 'running' then
        call('ZADD', P .. 'told', 'XX', text(at), id)
      end
      change(row, {published_at = at})
    end
  end
  return true
end
