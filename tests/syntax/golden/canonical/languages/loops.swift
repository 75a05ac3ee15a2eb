func search(items: [Int], wanted: Int) -> Int {
    var index = 0
    while index < count(items) {
        if items[index] == 0 {
            index += 1
            continue
        }
        if items[index] == wanted { break }
        index += 1
    }
    for item in items {
        index = index - item
    }
    return index
}
