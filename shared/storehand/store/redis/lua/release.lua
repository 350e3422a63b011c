-- `start` is what the stream of such a job begins anew with; `said` is a note.
function ops.release(serial, ids, owner, not_before, is_counted, start, said)
  for _, id in ipairs(ids) do
    local row = look(id, STATE)
    if row and row.status == 'running' and row.owner == owner and not is_done(row.released, serial) then
      unfile(row)
      count_turn(row)
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
