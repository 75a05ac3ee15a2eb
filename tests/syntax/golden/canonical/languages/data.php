<?php
function label(Shelf $box_, int $key): string
{
    $names = ['left', "right"];
    $sizes = array(1, 2, 3);
    $first = $names[0];
    $box_->inner->width = $sizes[$key];
    $box_->inner->place($first, pick($names, $key), "it's");
    return $box_->title->trim()->upper($names[$key + 1]);
}
