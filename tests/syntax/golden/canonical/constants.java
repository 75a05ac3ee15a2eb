static final long LIMIT = 40L;
static final String NAME = "steps";

static long climb(long step) {
    if (step <= 1 || step == LIMIT) return 1;
    return climb(step - 1) + climb(step - 2);
}

static long twice(long[] steps) {
    var doubled = each(steps, step -> climb(step) * 2);
    return total(doubled, NAME);
}
