local CANCEL_REQUESTED = 'cancel_requested'

local function bury(queue, reason, body, job_id, task)
  local id = call('INCR', P .. 'letter')
  call('HSET', P .. 'letters', id, cjson.encode({queue, reason, NOW, job_id, body, task}))
  call('ZADD', P .. 'letters:order', id, id)
  if job_id then call('SADD', P .. 'letters:of:' .. job_id, id) end
  return id
end

-- The terminal state of a row that is not terminal, its END event, and the dead letter of a poison job.
local function finish(row, by, how)
  unfile(row)
  if row.status == 'running' then count_end(row) end
  call('ZADD', STATUS .. how.status, row.n, row.id)
  call('ZADD', P .. 'finished', NOW, row.id)
  call('HDEL', JOB .. row.id, 'lease_until')
  call(
    'HSET', JOB .. row.id, 'status', how.status, 'outcome', how.outcome, 'finished_at', NOW, 'updated_at', NOW,
    'call', by or ''
  )
  row.status = how.status
  one_less_open(row.tenant)
  add_event(row.id, row.attempts, 'end', '{"status":"' .. how.status .. '","code":' .. cjson.encode(how.code) .. '}')
  tell(row.id, 'end')
  if how.code == 'poison' then bury(row.task, how.reason, call('HGET', JOB .. row.id, 'input'), row.id, false) end
end

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
  if row.status == 'queued' then count(row, 'started', 1) end
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

function ops.finish(serial, finishes)
  local is_written = {}
  for i, each in ipairs(finishes) do
    local row, by = look(each.id, STATE), each.before or token(serial + i - 1)
    local is_held = row and not IS_FINAL[row.status]
      and (not each.owner or row.status == 'running' and row.owner == each.owner)
      and (not each.attempt or tonumber(row.attempts) == each.attempt)
    if is_held then
      for _, one in ipairs(each.notes) do note(row.id, one[1], one[2]) end
      finish(row, by, each)
      if not each.owner then flag() end
    end
    is_written[i] = is_held or (row and IS_FINAL[row.status] and row.call == by) or false
  end
  return is_written
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

-- `start` is what the stream of such a job begins anew with; `said` is a note.
function ops.release(serial, ids, owner, not_before, is_counted, start, said)
  for _, id in ipairs(ids) do
    local row = look(id, STATE)
    if row and row.status == 'running' and row.owner == owner and not is_done(row.released, serial) then
      unfile(row)
      count_end(row)
      count(row, 'handed', 1)
      call('ZADD', STATUS .. 'queued', row.n, id)
      change(row, {
        status = 'queued', owner = false, lease_until = false, published_at = false, updated_at = now,
        not_before = not_before, attempts = row.attempts - (is_counted and 0 or 1), released = token(serial),
      })
      file(row)
      if row.deadline then call('ZADD', P .. 'deadlines', row.deadline, id) end
      if said then note(id, said[1], said[2]) end
      if call('EXISTS', EVENTS .. id) == 1 then  -- the next claim may carry the same attempt number
        add_event(id, row.attempts, 'snapshot', start)
        tell(id, 'event')
      end
    end
  end
  return true
end

local function cancel(id)
  local row = look(id, STATE)
  if not row then return false end
  if row.status == 'queued' then
    note(id, CANCEL_REQUESTED, '{}')
    finish(row, false, CANCELLED)
    flag()
  elseif row.status == 'running' and not row.cancel_requested_at then
    change(row, {cancel_requested_at = now, updated_at = now})
    note(id, CANCEL_REQUESTED, '{}')
    flag()
  end
  return row.status
end

function ops.cancel(_, ids)
  local statuses = {}
  for i, id in ipairs(ids) do statuses[i] = cancel(id) end
  return statuses
end
