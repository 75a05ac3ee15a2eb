(namespace_declaration name: (_) @name body: (_) @body @in) @namespace
(file_scoped_namespace_declaration name: (_) @name) @namespace
(class_declaration name: (_) @name body: (_)? @body @in) @class
(struct_declaration name: (_) @name body: (_)? @body @in) @struct
(record_declaration name: (_) @name body: (_)? @body @in) @class
(interface_declaration name: (_) @name body: (_)? @body @in) @interface
(enum_declaration name: (_) @name body: (_) @body) @enum
(delegate_declaration name: (_) @name) @type
(method_declaration name: (_) @name body: (_)? @body) @method
(constructor_declaration name: (_) @name body: (_)? @body) @method
(destructor_declaration "~" name: (_) @name body: (_)? @body) @method
(operator_declaration operator: _ @name body: (_)? @body) @method
(conversion_operator_declaration type: (_) @name body: (_)? @body) @method
(property_declaration name: (_) @name accessors: (_)? @body) @variable
(indexer_declaration "this" @name accessors: (_)? @body) @variable
(event_declaration name: (_) @name accessors: (_)? @body) @variable
(event_field_declaration (variable_declaration (variable_declarator name: (_) @name))) @variable
(field_declaration (modifier "const") (variable_declaration (variable_declarator name: (_) @name))) @constant
(field_declaration
  (modifier "static") (modifier "readonly") (variable_declaration (variable_declarator name: (_) @name))) @constant
(field_declaration (variable_declaration (variable_declarator name: (_) @name))) @variable
(global_statement (local_function_statement name: (_) @name body: (_)? @body)) @function
[(preproc_if) (preproc_else) (preproc_elif)] @in
