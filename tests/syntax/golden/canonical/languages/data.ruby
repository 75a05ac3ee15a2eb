def label(box_, key)
  names = ["left", "right"]
  sizes = [1, 2, 3]
  first = names[0]
  box_.inner.width = sizes[key]
  box_.inner.place(first, pick(names, key), "it's")
  return box_.title.trim().upper(names[key + 1])
end
