<?php
function weigh(float $a, float $b, bool $ready): bool
{
    $total = ($a + $b) * 2.5 - -$a / 1_000.0 % $b;
    $near = $a <= $total && $total >= $b || !$ready;
    $mask = 0xFF & 12;
    return $near !== ($total === 3.0) || $ready == true && $mask > 1;
}
