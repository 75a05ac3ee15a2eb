#include <vector>
using namespace std;

namespace shop {

/// What can be measured.
class Shape : public Base {
public:
    Shape(int a, int b = 2) : a_(a), b_(b) {}
    virtual ~Shape() = default;
    virtual double area() const = 0;
    bool operator==(const Shape& other) const { return a_ == other.a_; }
    static Shape& make(int a);

private:
    int a_, b_ = 1;
    std::vector<int> sides;
};

template <typename T>
struct Box {
    T value;
    T get() { return this->value; }
};

enum class Color : int { red, green };

using Sizes = std::vector<int>;

template <class T>
T most(T a, T b) {
    return a < b ? b : a;
}

} // namespace shop

double shop::Shape::area() const {
    auto twice = [this](int x) { return x * a_; };
    try {
        return twice(2);
    } catch (const Failure& failure) {
        throw;
    }
    auto made = new Shape(1, 2);
    return static_cast<double>(made->area());
}
