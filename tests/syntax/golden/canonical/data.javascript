function label(box_, key) {
  let names = ["left", 'right'];
  let sizes = [1, 2, 3];
  let first = names[0];
  box_.inner.width = sizes[key];
  box_.inner.place(first, pick(names, key), "it's");
  return box_.title.trim().upper(names[key + 1]);
}
