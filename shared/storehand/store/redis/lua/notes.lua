-- `data` is JSON. A long history loses its middle: how a job began and how it ends tell most.
local function note(id, what, data)
  local line = '[' .. NOW .. ',' .. cjson.encode(what) .. ',' .. data .. ']'
  if call('RPUSH', HISTORY .. id, line) > HISTORY_NOTES then
    call('LSET', HISTORY .. id, HISTORY_NOTES / 2, '')
    call('LREM', HISTORY .. id, 1, '')
  end
end

-- Who waits for this job hears of it: in the process that waits, a listener counts.
local function tell(id, what) call('PUBLISH', P .. 'on:' .. id, what) end

-- Workers hear that some lease or flag is not what it was.
local function flag() call('PUBLISH', P .. 'flags', '') end

local function add_event(id, attempt, kind, data)
  return call('RPUSH', EVENTS .. id, '[' .. attempt .. ',"' .. kind .. '",' .. data .. ',' .. NOW .. ']')
end
