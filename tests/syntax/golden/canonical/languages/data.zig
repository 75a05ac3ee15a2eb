fn label(box_: *Shelf, key: usize) []const u8 {
    const names = [_][]const u8{ "left", "right" };
    const sizes = .{ 1, 2, 3 };
    var first = names[0];
    box_.inner.width = sizes[key];
    box_.inner.place(first, pick(names, key), "it's");
    return box_.title.trim().upper(names[key + 1]);
}
