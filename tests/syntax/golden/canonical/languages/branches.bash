grade() {
  local score=$1 bonus=$2
  if [ "$score" -lt 0 ]; then
    echo "none"
    return 1
  fi
  if [[ $((score + bonus)) -gt 90 || -z $bonus ]]; then
    echo "best"
  elif (( score > 50 )); then
    echo "good"
  else
    report "$score"
  fi
}
