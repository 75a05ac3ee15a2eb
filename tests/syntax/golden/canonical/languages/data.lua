function label(box_, key)
  local names = { 'left', "right" }
  local sizes = { 1, 2, 3 }
  local first = names[0]
  box_.inner.width = sizes[key]
  box_.inner:place(first, pick(names, key), "it's")
  return box_.title:trim():upper(names[key + 1])
end
