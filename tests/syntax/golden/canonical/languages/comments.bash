# How far a wave goes.

# Found by trying.
reach() {
  say "$1"
  # Low waves break
  # at once.
  width=$(($1 * 3)) # wide
  return 0
}
