/**
 * How far a wave goes.
 */

// Found by trying.
def reach(height: Int): Int = {
  say(height)
  // Low waves break
  // at once.
  val width = height * 3 // wide
  return width
}
