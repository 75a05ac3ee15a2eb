(method name: (_) @name body: (_)? @body) @method
(singleton_method name: (_) @name body: (_)? @body) @method
(class name: (_) @name body: (_)? @body @in) @class
(module name: (_) @name body: (_)? @body @in) @module
(singleton_class body: (_)? @in)
(assignment left: (constant) @name) @constant
(call arguments: (argument_list . (method name: (_) @name body: (_)? @body) .)) @method
(call arguments: (argument_list . (singleton_method name: (_) @name body: (_)? @body) .)) @method
; Blocks are entered one level deep, as `included do` and `class_methods do` need: entering all costs too much.
(call block: (do_block body: (_ (method name: (_) @name body: (_)? @body) @method)))
(call block: (do_block body: (_ (class name: (_) @name body: (_)? @body @in) @class)))
(call block: (do_block body: (_ (module name: (_) @name body: (_)? @body @in) @module)))
(if consequence: (_) @in)
(unless consequence: (_) @in)
(else) @in
(begin) @in
