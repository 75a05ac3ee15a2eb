package shop

import shop.base.{Base, Failure => Broken}

/** What can be measured. */
trait Shape {
  val name: String
  def area: Double
}

@deprecated
case class Circle(radius: Int, label: String = "none") extends Base(label) with Shape {
  private var count = 0
  override def area: Double = 3.0 * radius
  def grow(by: Int)(implicit scale: Int): Circle = {
    count += by
    new Circle(radius * by)
  }
}

object Circle {
  final val Limit = 3
  def unit(): Circle = Circle(1)
}

enum Color {
  case Red, Green
  case Blue(depth: Int)
}

type Sizes = List[Int]

extension (circle: Circle) {
  def twice: Int = circle.radius * 2
}

given ordering: Ordering[Circle] with {
  def compare(a: Circle, b: Circle): Int = a.radius - b.radius
}

def walk(items: List[Int]) = {
  val kept = items.filter(_ > 1).map(item => item * 2)
  val text = s"$kept of ${items.size}"
  for (a <- items; if a > 1; b <- kept) yield a + b
  try close() catch { case failure: Broken => throw failure } finally open()
}
