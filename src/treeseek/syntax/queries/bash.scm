(function_definition name: (_) @name body: (_) @body) @function
(variable_assignment name: (variable_name) @name) @variable
(declaration_command "readonly" (variable_assignment name: (variable_name) @name)) @constant
(declaration_command (variable_assignment name: (variable_name) @name)) @variable
(if_statement) @in
(else_clause) @in
(elif_clause) @in
(compound_statement) @in
(list (compound_statement) @in)
