int search(const std::vector<int>& items, int wanted) {
    int index = 0;
    while (index < count(items)) {
        if (items[index] == 0) {
            index += 1;
            continue;
        }
        if (items[index] == wanted) break;
        index += 1;
    }
    for (const int& item : items) index = index - item;
    return index;
}
