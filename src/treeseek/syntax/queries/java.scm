(class_declaration name: (_) @name body: (_) @body @in) @class
(record_declaration name: (_) @name body: (_) @body @in) @class
(interface_declaration name: (_) @name body: (_) @body @in) @interface
(annotation_type_declaration name: (_) @name body: (_) @body @in) @interface
(enum_declaration name: (_) @name body: (_) @body @in) @enum
(enum_constant name: (_) @name body: (_)? @in) @constant
(enum_body_declarations) @in
(method_declaration name: (_) @name body: (_)? @body) @method
(constructor_declaration name: (_) @name body: (_) @body) @method
(compact_constructor_declaration name: (_) @name body: (_) @body) @method
(annotation_type_element_declaration name: (_) @name) @method
(field_declaration
  (modifiers "static" "final")
  declarator: (variable_declarator name: (_) @name)) @constant
(field_declaration declarator: (variable_declarator name: (_) @name)) @variable
(constant_declaration declarator: (variable_declarator name: (_) @name)) @constant
(module_declaration name: (_) @name body: (_) @body) @module
