import Foundation

/// What can be measured.
protocol Shape: Base {
    var name: String { get }
    func area(of part: Int) -> Double
}

@objc
public class Circle: Base, Shape {
    static let limit = 3
    private var radius: Int = 1
    var name: String { return "circle" }
    var count: Int {
        get { return 1 }
        set { radius = newValue }
    }

    init(radius: Int, label: String = "none") {
        self.radius = radius
        super.init(label)
    }

    deinit {
        close()
    }

    override func area(of part: Int) -> Double {
        guard let found = find(part) else { return 0 }
        return found.size
    }

    subscript(index: Int) -> Int {
        return index
    }
}

struct Point<T> {
    let x, y: T
    mutating func move(by step: T) { x += step }
}

enum Color: Int {
    case red = 1
    case green, blue
    case other(depth: Int)
}

extension Circle: Named {
    func twice() -> Int { radius * 2 }
}

typealias Handler = (Int) -> Void

func walk(_ items: [Int]) async throws {
    let kept = items.filter { $0 > 1 }.map { item in item * 2 }
    let text = "\(kept) of \(items.count)"
    do {
        try await close()
    } catch let failure as Failure {
        throw failure
    }
    defer { open() }
    let all = ["a": 1, "b": kept[0] ?? 2]
}
