<?php

namespace School\Marks;

function grade(int $score, int $bonus): string
{
    if ($score < 0) return "none";
    if ($score + $bonus > 90) {
        return "best";
    } elseif ($score > 50) {
        return "good";
    } else report($score);
    return "fair";
}
