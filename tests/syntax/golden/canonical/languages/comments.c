/**
 * How far a wave goes.
 */

// Found by trying.
unsigned int reach(unsigned int height) {
    say(height);
    // Low waves break
    // at once.
    unsigned int width = height * 3; // wide
    return width;
}
