//! How far a wave goes.

// Found by trying.
fn reach(height: u32) u32 {
    say(height);
    // Low waves break
    // at once.
    var width = height * 3; // wide
    return width;
}
