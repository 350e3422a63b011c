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
  if row.status == 'running' then
    count_turn(row)
    count(kind_of(row), 'finished', 1)
  else
    count(kind_of(row), 'ended', 1)
  end
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
