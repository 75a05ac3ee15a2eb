local function weigh(a, b, ready)
  local total = (a + b) * 2.5 - -a / 1000.0 % b
  local near = a <= total and total >= b or not ready
  local mask = 0xFF & 12
  return near ~= (total == 3.0) or ready == true and mask > 1
end
