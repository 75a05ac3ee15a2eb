word() {
  text="many"
  case "$1" in
    0) text="none" ;;
    1|2)
      say "$text"
      return 2
      ;;
    *) say "$text" ;;
  esac
  text="few"
}
