String label(Shelf box_, int key) {
    String[] names = {"left", "right"};
    int[] sizes = new int[] {1, 2, 3};
    var first = names[0];
    box_.inner.width = sizes[key];
    box_.inner.place(first, pick(names, key), "it's");
    return box_.title.trim().upper(names[key + 1]);
}
