def word(number: Int): String = {
  var text = "many"
  number match {
    case 0 => text = "none"
    case 1 => return "one"
    case 2 =>
      say(text)
      return "two"
    case _ => say(text)
  }
  return text
}
