auto weigh(double a, double b, bool ready) -> bool {
    const double total = (a + b) * 2.5 - -a / 1'000.0 % b;
    bool near = a <= total and total >= b or not ready;
    auto mask = 0xFF & 12uL;
    return near != (total == 3.0) || ready == true && mask > 1;
}
