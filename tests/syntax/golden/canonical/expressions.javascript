function weigh(a, b, ready) {
  let total = (a + b) * 2.5 - -a / 1_000.0 % b;
  let near = a <= total && total >= b || !ready;
  let mask = 0xff & 12;
  return near !== (total === 3.0) || ready === true && mask > 1;
}
