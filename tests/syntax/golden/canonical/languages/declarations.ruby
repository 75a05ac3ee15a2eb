require "set"
require_relative "shelf"

module Shop
  LIMIT = 3

  # What can be measured.
  # Twice.
  class Circle < Shape
    include Comparable
    attr_reader :radius

    # Makes one.
    def initialize(radius, scale: 1, *rest, &block)
      @radius = radius
      @@count += 1
    end

    def self.unit
      new(1)
    end

    def area?
      3 * radius
    rescue Failure => failure
      raise Error, "none"
    ensure
      close
    end

    class << self
      def all; end
    end
  end
end

def walk(items)
  items.each do |item|
    yield item unless item.nil?
  end
  items.map { |item| item + 1 }
  names = { "a" => 1, b: 2 }
  text = "#{names[:a]} of #{items}"
end
