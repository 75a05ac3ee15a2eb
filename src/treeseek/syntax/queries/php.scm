(namespace_definition name: (_) @name body: (_) @body @in) @namespace
(namespace_definition name: (_) @name !body) @namespace
(class_declaration name: (_) @name body: (_) @body @in) @class
(interface_declaration name: (_) @name body: (_) @body @in) @interface
(trait_declaration name: (_) @name body: (_) @body @in) @interface
(enum_declaration name: (_) @name body: (_) @body @in) @enum
(enum_case name: (_) @name) @constant
(function_definition name: (_) @name body: (_) @body) @function
(method_declaration name: (_) @name body: (_)? @body) @method
(const_declaration (const_element (name) @name)) @constant
(property_declaration (property_element name: (variable_name (name) @name))) @variable
(if_statement body: (_) @in)
(if_statement alternative: (_ body: (_) @in))
(return_statement (object_creation_expression (anonymous_class body: (_) @in)))
(expression_statement (assignment_expression left: (variable_name (name) @name) right: [
  (anonymous_function body: (_) @body) (arrow_function body: (_) @body)])) @function
(expression_statement (assignment_expression left: (variable_name (name) @name))) @variable
