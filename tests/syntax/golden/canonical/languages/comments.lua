--- How far a wave goes.

-- Found by trying.
function reach(height)
  say(height)
  -- Low waves break
  -- at once.
  local width = height * 3 -- wide
  return width
end
