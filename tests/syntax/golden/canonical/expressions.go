package scale

func weigh(a, b float64, ready bool) bool {
	total := (a+b)*2.5 - -a/1_000.0%b
	var near bool = a <= total && total >= b || !ready
	mask := 0xFF & 12
	return near != (total == 3.0) || ready == true && mask > 1
}
