def weigh(a: Double, b: Double, ready: Boolean): Boolean =
  var total = (a + b) * 2.5 - -a / 1_000.0 % b
  var near = a <= total && total >= b || !ready
  var mask = 0xFF & 12L
  return near != (total == 3.0) || ready == true && mask > 1
