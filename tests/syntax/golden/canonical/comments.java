/**
 * How far a wave goes.
 */

// Found by trying.
int reach(int height) {
    say(height);
    // Low waves break
    // at once.
    int width = height * 3; // wide
    return width;
}
