local shelf = require("shelf")
local M = {}

--- Makes one.
-- With a name.
function M.new(name, ...)
  local self = setmetatable({}, M)
  self.name = name or "none"
  self.items = { ... }
  return self
end

--[[ Grows it
     by a step. ]]
function M:grow(step)
  for index = 1, #self.items, 2 do
    self.items[index] = self.items[index] + step
  end
  for key, value in pairs(self.items) do
    print(key .. " of " .. value)
  end
  repeat
    step = step - 1
  until step == 0
end

local function hidden(a, b)
  local x, y = a, b
  do
    goto done
  end
  ::done::
  return x, y
end

M.handler = function(event) return event.kind end

return M
