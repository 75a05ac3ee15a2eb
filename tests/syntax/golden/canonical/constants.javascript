const LIMIT = 40;
const NAME = "steps";

function climb(step) {
  if (step <= 1 || step === LIMIT) return 1;
  return climb(step - 1) + climb(step - 2);
}

function twice(steps) {
  let doubled = each(steps, step => climb(step) * 2);
  return total(doubled, NAME);
}
