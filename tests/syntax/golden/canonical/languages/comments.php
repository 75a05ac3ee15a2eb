<?php
/**
 * How far a wave goes.
 */

# Found by trying.
function reach(int $height): int
{
    say($height);
    // Low waves break
    // at once.
    $width = $height * 3; // wide
    return $width;
}
