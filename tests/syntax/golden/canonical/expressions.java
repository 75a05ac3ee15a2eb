boolean weigh(double a, double b, boolean ready) {
    double total = (a + b) * 2.5d - -a / 1_000.0 % b;
    boolean near = a <= total && total >= b || !ready;
    long mask = 0xFF & 12L;
    return near != (total == 3.0) || ready == true && mask > 1;
}
