; Declarations, alone and exported.
(function_declaration name: (_) @name body: (_) @body @local) @function
(generator_function_declaration name: (_) @name body: (_) @body @local) @function
(class_declaration name: (_) @name body: (_) @body @in) @class
(export_statement declaration: (function_declaration name: (_) @name body: (_) @body @local)) @function
(export_statement declaration: (generator_function_declaration name: (_) @name body: (_) @body @local)) @function
(export_statement declaration: (class_declaration name: (_) @name body: (_) @body @in)) @class
(export_statement "default" @name value: [
  (function_expression body: (_) @body @local)
  (arrow_function body: (_) @body @local)]) @function
(export_statement "default" @name value: (class body: (_) @body @in)) @class
(export_statement "default" @name value: (object) @in) @variable
(export_statement value: (call_expression arguments: (arguments (object) @in)))

; Members of classes and of object literals.
(method_definition name: (_) @name body: (_) @body @local) @method
(public_field_definition name: (_) @name value: [
  (arrow_function body: (_) @body @local) (function_expression body: (_) @body @local)]) @method
(public_field_definition name: (_) @name) @variable
(pair key: (_) @name value: [
  (arrow_function body: (_) @body @local) (function_expression body: (_) @body @local)]) @method

; Names that are given functions, classes, objects and other values.
(lexical_declaration (variable_declarator name: (identifier) @name value: [
  (arrow_function body: (_) @body @local)
  (function_expression body: (_) @body @local)
  (generator_function body: (_) @body @local)])) @function
(lexical_declaration (variable_declarator name: (identifier) @name value: (class body: (_) @body @in))) @class
(lexical_declaration "const" (variable_declarator name: (identifier) @name value: (object)? @in)) @constant
(lexical_declaration (variable_declarator name: (identifier) @name value: (object)? @in)) @variable
(lexical_declaration (variable_declarator value: (call_expression arguments: (arguments [
  (arrow_function body: (statement_block) @local)
  (function_expression body: (_) @local)]))))
(variable_declaration (variable_declarator name: (identifier) @name value: [
  (arrow_function body: (_) @body @local)
  (function_expression body: (_) @body @local)])) @function
(variable_declaration (variable_declarator name: (identifier) @name value: (object)? @in)) @variable
(export_statement declaration: (lexical_declaration (variable_declarator name: (identifier) @name value: [
  (arrow_function body: (_) @body @local)
  (function_expression body: (_) @body @local)
  (generator_function body: (_) @body @local)]))) @function
(export_statement declaration: (lexical_declaration (variable_declarator
  name: (identifier) @name value: (class body: (_) @body @in)))) @class
(export_statement declaration: (lexical_declaration "const" (variable_declarator
  name: (identifier) @name value: (object)? @in))) @constant
(export_statement declaration: (_ (variable_declarator
  name: (identifier) @name value: (object)? @in))) @variable
(expression_statement (assignment_expression left: (member_expression) @name right: [
  (arrow_function body: (_) @body @local)
  (function_expression body: (_) @body @local)
  (generator_function body: (_) @body @local)])) @function
(expression_statement (assignment_expression left: (member_expression) @name right: (class body: (_) @body @in))) @class
(expression_statement (assignment_expression left: (member_expression) @name right: (object) @in)) @variable
(expression_statement (assignment_expression left: (member_expression) @name right:
  (assignment_expression right: [
    (arrow_function body: (_) @body @local)
    (function_expression body: (_) @body @local)]))) @function

; What else holds declarations: callbacks, functions called at once, conditions.
(expression_statement (call_expression function: [
  (parenthesized_expression [(function_expression body: (_) @in) (arrow_function body: (_) @in)])
  (function_expression body: (_) @in)]))
(expression_statement (call_expression function: (member_expression object:
  (parenthesized_expression (function_expression body: (_) @in)))))
(expression_statement (parenthesized_expression (call_expression function:
  [(function_expression body: (_) @in) (arrow_function body: (_) @in)])))
(expression_statement (unary_expression argument: (call_expression function: (function_expression body: (_) @in))))
(expression_statement (call_expression arguments: (arguments [
  (function_expression body: (_) @local)
  (arrow_function body: (statement_block) @local)])))
(expression_statement (call_expression arguments: (arguments (object) @in)))
(return_statement [(function_expression body: (_) @local) (arrow_function body: (statement_block) @local) (object) @local])
(if_statement consequence: (statement_block) @in)
(if_statement alternative: (else_clause (statement_block) @in))
(try_statement body: (_) @in)
(decorator) @attribute

; What TypeScript adds.
(abstract_class_declaration name: (_) @name body: (_) @body @in) @class
(interface_declaration name: (_) @name body: (_) @body @in) @interface
(type_alias_declaration name: (_) @name) @type
(enum_declaration name: (_) @name body: (_) @body) @enum
(function_signature name: (_) @name) @function
(method_signature name: (_) @name) @method
(abstract_method_signature name: (_) @name) @method
(expression_statement (internal_module name: (_) @name body: (_) @body @in)) @namespace
(export_statement declaration: (abstract_class_declaration name: (_) @name body: (_) @body @in)) @class
(export_statement declaration: (interface_declaration name: (_) @name body: (_) @body @in)) @interface
(export_statement declaration: (type_alias_declaration name: (_) @name)) @type
(export_statement declaration: (enum_declaration name: (_) @name body: (_) @body)) @enum
(export_statement declaration: (function_signature name: (_) @name)) @function
(export_statement declaration: (internal_module name: (_) @name body: (_) @body @in)) @namespace
(export_statement declaration: (ambient_declaration) @in)
(ambient_declaration (module name: (_) @name body: (_) @body @in)) @namespace
(ambient_declaration (internal_module name: (_) @name body: (_) @body @in)) @namespace
(ambient_declaration (class_declaration name: (_) @name body: (_) @body @in)) @class
(ambient_declaration (interface_declaration name: (_) @name body: (_) @body @in)) @interface
(ambient_declaration (function_signature name: (_) @name)) @function
(ambient_declaration (lexical_declaration (variable_declarator name: (_) @name))) @constant
(ambient_declaration (variable_declaration (variable_declarator name: (_) @name))) @variable
(ambient_declaration (type_alias_declaration name: (_) @name)) @type
(ambient_declaration (enum_declaration name: (_) @name body: (_) @body)) @enum
(ambient_declaration "global" (statement_block) @in)
