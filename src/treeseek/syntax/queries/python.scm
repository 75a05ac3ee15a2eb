; Functions with others inside are looked into; the rest of them, most, cost nothing.
(function_definition name: (_) @name
  body: (block [(function_definition) (class_definition) (decorated_definition)]) @body @local) @function
(function_definition name: (_) @name body: (_) @body) @function
(class_definition name: (_) @name body: (_) @body @in) @class
(decorated_definition definition: (function_definition name: (_) @name
  body: (block [(function_definition) (class_definition) (decorated_definition)]) @body @local) @head) @function
(decorated_definition definition: (function_definition name: (_) @name body: (_) @body) @head) @function
(decorated_definition
  definition: (class_definition name: (_) @name body: (_) @body @in) @head) @class
(type_alias_statement left: (type (identifier) @name)) @type
(expression_statement (assignment left: (identifier) @name)) @variable
(if_statement consequence: (_) @in)
(if_statement alternative: (_) @in)
(else_clause body: (_) @in)
(elif_clause consequence: (_) @in)
(try_statement body: (_) @in)
(try_statement [(except_clause) (finally_clause) (else_clause)] @in)
(except_clause (block) @in)
(finally_clause (block) @in)
(with_statement body: (_) @in)
