local LIMIT <const> = 40
local NAME <const> = 'steps'

local function climb(step)
  if step <= 1 or step == LIMIT then return 1 end
  return climb(step - 1) + climb(step - 2)
end

function twice(steps)
  local doubled = each(steps, function(step) return climb(step) * 2 end)
  return total(doubled, NAME)
end
