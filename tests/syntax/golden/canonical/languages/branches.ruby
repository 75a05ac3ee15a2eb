def grade(score, bonus)
  if score < 0
    return "none"
  end
  if score + bonus > 90
    return "best"
  elsif score > 50
    return "good"
  else
    report(score)
  end
  return "fair"
end
