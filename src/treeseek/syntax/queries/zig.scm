(function_declaration name: (_) @name body: (block
  (expression_statement (return_expression [(struct_declaration) (union_declaration) (enum_declaration)] @in))) @body) @function
(function_declaration name: (_) @name body: (_)? @body) @function
(variable_declaration . (identifier) @name (struct_declaration) @body @in) @struct
(variable_declaration . (identifier) @name (opaque_declaration) @body @in) @struct
(variable_declaration . (identifier) @name (union_declaration) @body @in) @struct
(variable_declaration . (identifier) @name (enum_declaration) @body @in) @enum
(variable_declaration . (identifier) @name (error_set_declaration) @body) @enum
(variable_declaration "const" . (identifier) @name) @constant
(variable_declaration "var" . (identifier) @name) @variable
