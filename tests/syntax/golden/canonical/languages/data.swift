func label(box_: Shelf, key: Int) -> String {
    var names = ["left", "right"]
    var sizes: [Int] = [1, 2, 3]
    var first = names[0]
    box_.inner.width = sizes[key]
    box_.inner.place(first, pick(names, key), "it's")
    return box_.title.trim().upper(names[key + 1])
}
