std::string label(Shelf& box_, int key) {
    std::string names[] = {"left", "right"};
    std::vector<int> sizes{1, 2, 3};
    auto first = names[0];
    box_.inner.width = sizes[key];
    box_.inner.place(first, pick(names, key), "it's");
    return box_.title.trim().upper(names[key + 1]);
}
