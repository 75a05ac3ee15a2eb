(class_declaration declaration_kind: ["class" "actor"] name: (_) @name body: (_) @body @in) @class
(class_declaration declaration_kind: "struct" name: (_) @name body: (_) @body @in) @struct
(class_declaration declaration_kind: "enum" name: (_) @name body: (_) @body @in) @enum
(class_declaration declaration_kind: "extension" name: (_) @name body: (_) @body @in) @scope
(protocol_declaration name: (_) @name body: (_) @body @in) @interface
(function_declaration name: (simple_identifier) @name body: (_)? @body) @function
(function_declaration name: ["==" "<" ">" "<=" ">=" "+" "-" "*" "/"] @name body: (_)? @body) @function
(protocol_function_declaration name: (simple_identifier) @name) @method
(init_declaration name: "init" @name body: (_)? @body) @method
(deinit_declaration "deinit" @name body: (_)? @body) @method
(subscript_declaration "subscript" @name (computed_property)? @body) @method
(enum_entry name: (simple_identifier) @name) @constant
(typealias_declaration name: (type_identifier) @name) @type
(associatedtype_declaration name: (_) @name) @type
(protocol_property_declaration name: (pattern (simple_identifier) @name)) @variable
(property_declaration (value_binding_pattern "let") name: (pattern (simple_identifier) @name)) @constant
(property_declaration name: (pattern (simple_identifier) @name) computed_value: (_)? @body) @variable
