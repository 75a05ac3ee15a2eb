fn weigh(a: f64, b: f64, ready: bool) bool {
    var total = (a + b) * 2.5 - -a / 1_000.0 % b;
    const near = a <= total and total >= b or !ready;
    const mask: u32 = 0xFF & 12;
    return near != (total == 3.0) or ready == true and mask > 1;
}
