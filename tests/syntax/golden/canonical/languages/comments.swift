/// How far a wave goes.

// Found by trying.
func reach(_ height: UInt) -> UInt {
    say(height)
    // Low waves break
    // at once.
    var width = height * 3 // wide
    return width
}
