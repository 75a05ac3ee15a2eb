// How far a wave goes.
package wave

// Found by trying.

func reach(height uint32) uint32 {
	say(height)
	// Low waves break
	// at once.
	width := height * 3 // wide
	return width
}
