-- Events of a claim that no longer holds are dropped: nothing comes after END, no attempt writes into the next.
function ops.append(serial, id, attempt, events)
  local row = look(id, {'status', 'attempts', 'appended'})
  if row and row.status == 'running' and tonumber(row.attempts) == attempt and not is_done(row.appended, serial) then
    for _, each in ipairs(events) do add_event(id, attempt, each[1], each[2]) end
    change(row, {appended = token(serial)})
    tell(id, 'event')
  end
  return call('LLEN', EVENTS .. id)
end

function ops.events(_, id, after, limit)
  if limit <= 0 then return {} end
  return call('LRANGE', EVENTS .. id, after, after + limit - 1)
end

function ops.tell(serial, notes)
  for id, said in pairs(notes) do
    local row = look(id, {'status', 'noted'})
    if row and not is_done(row.noted, serial) then
      for _, each in ipairs(said) do note(id, each[1], each[2]) end
      change(row, {noted = token(serial)})
    end
  end
  return true
end

function ops.history(_, id) return call('LRANGE', HISTORY .. id, 0, -1) end

function ops.get(_, ids) return packed_all(ids) end
