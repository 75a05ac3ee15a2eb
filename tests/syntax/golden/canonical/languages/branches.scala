package school.marks

def grade(score: Int, bonus: Int): String = {
  if (score < 0) return "none"
  if (score + bonus > 90) {
    return "best"
  } else if (score > 50) {
    return "good"
  } else report(score)
  return "fair"
}
