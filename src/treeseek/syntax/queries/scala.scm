(object_definition name: (_) @name body: (_)? @body @in) @module
(package_object name: (_) @name body: (_)? @body @in) @module
(class_definition name: (_) @name body: (_)? @body @in) @class
(trait_definition name: (_) @name body: (_)? @body @in) @interface
(enum_definition name: (_) @name body: (_)? @body @in) @enum
(enum_case_definitions [(simple_enum_case name: (_) @name) (full_enum_case name: (_) @name)]) @constant
(function_definition name: (_) @name body: (_) @body) @function
(function_declaration name: (_) @name) @function
(val_definition pattern: (identifier) @name value: (_) @body) @constant
(val_declaration name: (_) @name) @constant
(var_definition pattern: (identifier) @name value: (_) @body) @variable
(var_declaration name: (_) @name) @variable
(given_definition name: (_) @name body: [(with_template_body) (template_body)] @body @in) @constant
(given_definition name: (_) @name) @constant
(type_definition name: (_) @name) @type
(extension_definition body: (function_definition name: (_) @name body: (_) @body)) @function
(extension_definition body: (template_body) @in)
(package_clause body: (_) @in)
