local function renew(row, lease_until)
  if call('ZADD', P .. 'leased', text(lease_until), row.id) == 1 then call('ZREM', P .. 'told', row.id) end
  call('HSET', JOB .. row.id, 'lease_until', text(lease_until))
end

local function poison(crashes)
  local reason = string.format(POISON_REASON, crashes)
  return {status = 'failed', code = 'poison', reason = reason, outcome = string.format(POISON, crashes, crashes)}
end

-- Why this job must not run any more, if so.
local function ending(row, crashes, max_crashes)
  if row.cancel_requested_at then return CANCELLED end
  if row.deadline and tonumber(row.deadline) <= now then return EXPIRED end
  if crashes > max_crashes then return poison(crashes) end
end

local function take(row, owner, lease_until, by)
  unfile(row)
  call('ZADD', P .. 'leased', lease_until, row.id)
  local attempt = text(row.attempts + 1)
  call(
    'HSET', JOB .. row.id, 'status', 'running', 'owner', owner, 'attempts', attempt, 'updated_at', NOW, 'call', by,
    'started_at', row.started_at or NOW, 'crashes', row.crashes, 'lease_until', lease_until
  )
  note(row.id, 'claimed', '{"owner":' .. cjson.encode(owner) .. ',"attempt":' .. attempt .. '}')
end

local function claim(id, owner, lease_s, max_crashes, max_deaths, by)
  local row = look(id, STATE)
  if not row then return {'missing', false, false} end
  if IS_FINAL[row.status] then return {'terminal', packed(id), row.call == by} end
  local is_lost = row.status == 'running'
  if is_lost then
    if row.owner == owner and row.call ~= by then return {'here', packed(id), false} end
    if row.owner == owner then  -- this very claim: its reply was lost
      renew(row, now + lease_s)
      return {'mine', packed(id), false}
    end
    if tonumber(row.lease_until) > now then return {'elsewhere', packed(id), false} end
  end
  local crashes = row.crashes + (is_lost and 1 or 0)
  local how = ending(row, crashes, max_crashes)
  if not how then
    if not is_lost and row.not_before and tonumber(row.not_before) > now then return {'early', packed(id), false} end
    if max_deaths and crashes > max_deaths then return {'suspect', packed(id), false} end
  end
  if is_lost then
    row.crashes = text(crashes)
    note(id, 'crashed', '{"owner":' .. cjson.encode(row.owner) .. '}')
    flag()
  end
  if not how then
    take(row, owner, text(now + lease_s), by)
    return {'mine', packed(id), false}
  end
  call('HSET', JOB .. id, 'crashes', row.crashes)
  finish(row, by, how)
  return {'terminal', packed(id), true}
end

-- `before` has the tokens of earlier claims of this owner whose fate it never learned.
function ops.claim(serial, owner, lease_s, max_crashes, max_deaths, ids, before)
  local claims = {}
  for i, id in ipairs(ids) do
    claims[i] = claim(id, owner, lease_s, max_crashes, max_deaths, before[i] or token(serial + i - 1))
  end
  return claims
end

function ops.renew(_, ids, owner, lease_s)
  local signals = {}
  for i, id in ipairs(ids) do
    local row = look(id, {'status', 'owner', 'lease_until', 'cancel_requested_at', 'deadline'})
    local is_held = row and row.status == 'running' and row.owner == owner
    if is_held then renew(row, now + lease_s) end
    signals[i] = {not is_held, row and row.cancel_requested_at and true or false, row and row.deadline or false}
  end
  return signals
end
