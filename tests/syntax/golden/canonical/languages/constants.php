<?php
const LIMIT = 40;
const NAME = "steps";

function climb(int $step): int
{
    if ($step <= 1 || $step == LIMIT) return 1;
    return climb($step - 1) + climb($step - 2);
}

function twice(array $steps): int
{
    $doubled = each($steps, fn(int $step): int => climb($step) * 2);
    return total($doubled, NAME);
}
