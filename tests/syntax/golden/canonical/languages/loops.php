<?php
function search(array $items, int $wanted): int
{
    $index = 0;
    while ($index < count($items)) {
        if ($items[$index] == 0) {
            $index += 1;
            continue;
        }
        if ($items[$index] == $wanted) break;
        $index += 1;
    }
    foreach ($items as $item) {
        $index = $index - $item;
    }
    return $index;
}
