function search(items, wanted) {
  let index = 0;
  while (index < count(items)) {
    if (items[index] === 0) {
      index += 1;
      continue;
    }
    if (items[index] === wanted) break;
    index += 1;
  }
  for (const item of items) {
    index = index - item;
  }
  return index;
}
