LIMIT = 40
NAME = "steps"

def climb(step)
  if step <= 1 || step == LIMIT
    return 1
  end
  return climb(step - 1) + climb(step - 2)
end

def twice(steps)
  doubled = each(steps, ->(step) { return climb(step) * 2 })
  return total(doubled, NAME)
end
