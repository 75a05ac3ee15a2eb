bool weigh(double a, double b, bool ready) {
    double total = (a + b) * 2.5 - -a / 1000.0 % b;
    bool near = a <= total && total >= b || !ready;
    long mask = 0xFF & 12UL;
    return near != (total == 3.0) || ready == true && mask > 1;
}
