<?php

namespace Shop\Round;

use Shop\Base;
use Shop\Failure as Broken;

/** What can be measured. */
interface Shape
{
    public function area(): float;
}

trait Named
{
    private string $name = "none";
}

#[Attribute]
final class Circle extends Base implements Shape
{
    use Named;

    const LIMIT = 3;
    public static int $count = 0;

    public function __construct(private int $radius, ?string $name = null)
    {
        $this->name = $name;
        self::$count++;
    }

    /** Its area. */
    public function area(): float
    {
        try {
            return static::LIMIT * $this->radius;
        } catch (Broken | Failure $failure) {
            throw new Error("none");
        } finally {
            $this->close();
        }
    }
}

enum Color: string
{
    case Red = 'r';
    case Green = 'g';
}

function walk(array $items, callable $by)
{
    $kinds = ['a' => 1, 'b' => 2];
    $each = function ($item) use ($by) {
        return $by($item) ?? "none";
    };
    return match (true) {
        $items[0] > 1 => "many",
        default => $each("one"),
    };
}
