fn word(number: i32) []const u8 {
    var text = "many";
    switch (number) {
        0 => text = "none",
        1 => return "one",
        2 => {
            say(text);
            return "two";
        },
        else => say(text),
    }
    return text;
}
