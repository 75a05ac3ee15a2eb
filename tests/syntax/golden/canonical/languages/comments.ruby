# How far a wave goes.

# Found by trying.

def reach(height)
  say(height)
  # Low waves break
  # at once.
  width = height * 3 # wide
  return width
end
