(function_declaration name: (_) @name body: (block (function_declaration)) @body @local) @function
(function_declaration name: (_) @name body: (_)? @body) @function
(assignment_statement
  (variable_list . name: (_) @name)
  (expression_list . value: (function_definition body: (_)? @body))) @function
(variable_declaration (assignment_statement
  (variable_list . name: (_) @name)
  (expression_list . value: (function_definition body: (_)? @body)))) @function
(assignment_statement
  (variable_list . name: (_) @name)
  (expression_list . value: (table_constructor)? @in)) @variable
(variable_declaration (assignment_statement
  (variable_list . name: (_) @name)
  (expression_list . value: (table_constructor)? @in))) @variable
(field name: (_) @name value: (function_definition body: (_)? @body)) @function
(field name: (_) @name value: (table_constructor (field value: (function_definition))) @in) @variable
(return_statement (expression_list (table_constructor) @in))
(if_statement consequence: (_) @in)
(do_statement body: (_) @in)
