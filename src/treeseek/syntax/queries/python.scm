(function_definition name: (_) @name body: (_) @body @local) @function
(class_definition name: (_) @name body: (_) @body @in) @class
(decorated_definition
  definition: (function_definition name: (_) @name body: (_) @body @local) @head) @function
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
