function grade(score, bonus)
  if score < 0 then return "none" end
  if score + bonus > 90 then
    return "best"
  elseif score > 50 then
    return "good"
  else
    report(score)
  end
  return "fair"
end
