-- `at` is when publishing began: what was claimed or handed back since stays as it is.
function ops.mark(_, ids, at)
  local told, rung = {}, {}
  for _, id in ipairs(ids) do
    local row = look(id, {'status', 'updated_at', 'published_at', 'lease_until'})
    if row and tonumber(row.updated_at) <= at then
      if row.status == 'queued' then
        told[#told + 1] = id
        rung[#rung + 1] = text(at)
        rung[#rung + 1] = id
      elseif row.status == 'running' then
        call('ZADD', P .. 'told', 'XX', text(at), id)
      end
      change(row, {published_at = at})
    end
  end
  many('ZREM', P .. 'fresh', told)
  many('ZREM', P .. 'due', told)
  many('ZADD', P .. 'rung', rung)
  return true
end
