/// How far a wave goes.

// Found by trying.
unsigned reach(unsigned height) {
    say(height);
    // Low waves break
    // at once.
    auto width = height * 3; // wide
    return width;
}
