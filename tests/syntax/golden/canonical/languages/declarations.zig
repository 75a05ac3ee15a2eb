const std = @import("std");

/// What can be measured.
pub const Shape = struct {
    radius: f64,
    label: []const u8 = "none",

    const limit = 3;

    pub fn area(self: Shape) f64 {
        return self.radius * 3.0;
    }

    fn init(allocator: Allocator, radius: f64) !Shape {
        const made = try allocator.create(Shape);
        errdefer allocator.destroy(made);
        return Shape{ .radius = radius };
    }
};

const Color = enum { red, green };
const Failure = error{ Bad, Worse };
const Value = union(enum) { number: i64, text: []const u8 };

var counter: u32 = 0;

pub fn List(comptime T: type) type {
    return struct {
        items: []T,

        fn first(self: @This()) ?T {
            return if (self.items.len > 0) self.items[0] else null;
        }
    };
}

fn walk(items: []const u8) void {
    for (items, 0..) |item, index| {
        counter += item * index;
    }
    while (next()) |value| : (counter += 1) {
        if (value) |found| use(found) else break;
    }
    const size = parse(items) catch |err| return err;
    const kept = optional orelse 3;
    defer close(size, kept);
}

test "walks" {
    try std.testing.expect(true);
}
