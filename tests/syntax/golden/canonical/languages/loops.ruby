def search(items, wanted)
  index = 0
  while index < count(items)
    if items[index] == 0
      index += 1
      next
    end
    if items[index] == wanted then break end
    index += 1
  end
  for item in items do
    index = index - item
  end
  return index
end
