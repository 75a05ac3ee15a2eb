(class_declaration name: (_) @name (enum_class_body) @body @in) @enum
(class_declaration "interface" name: (_) @name (class_body)? @body @in) @interface
(class_declaration name: (_) @name (class_body)? @body @in) @class
(object_declaration name: (_) @name (class_body)? @body @in) @module
(companion_object (class_body) @in)
(enum_entry (identifier) @name (class_body)? @body @in) @constant
(function_declaration
  [(user_type) (nullable_type)] @owner . "." . name: (_) @name (function_body)? @body) @function
(function_declaration name: (_) @name (function_body)? @body) @function
(secondary_constructor "constructor" @name (block)? @body) @method
(type_alias type: (identifier) @name) @type
(property_declaration
  [(user_type) (nullable_type)] @owner . "." . (variable_declaration (identifier) @name)) @variable
(property_declaration (modifiers (property_modifier "const")) (variable_declaration (identifier) @name)) @constant
(property_declaration "val" (variable_declaration (identifier) @name)) @constant
(property_declaration (variable_declaration (identifier) @name)) @variable
