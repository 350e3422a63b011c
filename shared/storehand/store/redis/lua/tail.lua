local replies = {}
for i, each in ipairs(cjson.decode(ARGV[1])) do
  local is_good, value = pcall(ops[each[1]], unpack(each, 2))
  if not is_good and type(value) == 'table' then value = value.err end
  replies[i] = {is_good, value}
end
if settle then pcall(settle) end  -- never an error: what was done stays done
return cjson.encode({text(real), replies})
