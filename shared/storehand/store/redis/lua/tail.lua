local replies = {}
for i, each in ipairs(cjson.decode(ARGV[1])) do
  local is_good, value = pcall(ops[each[1]], unpack(each, 2))
  if not is_good and type(value) == 'table' then value = value.err end
  replies[i] = {is_good, value}
end
return cjson.encode({text(real), replies})
