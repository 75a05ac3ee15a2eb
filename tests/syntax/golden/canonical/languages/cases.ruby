def word(number)
  text = "many"
  case number
  when 0
    text = "none"
  when 1 then return "one"
  when 2
    say(text)
    return "two"
  else
    say(text)
  end
  return text
end
