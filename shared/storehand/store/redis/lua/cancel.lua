local CANCEL_REQUESTED = 'cancel_requested'

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
