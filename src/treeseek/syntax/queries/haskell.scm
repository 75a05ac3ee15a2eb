(declarations) @in
(signature name: (_) @name) @function
(signature names: (binding_list name: (_) @name)) @function
(function name: (_) @name) @function
(function (infix operator: (_) @name)) @function
(bind name: (_) @name) @function
(data_type name: (_) @name) @type
(newtype name: (_) @name) @type
(type_synonym name: (_) @name) @type
(type_family name: (_) @name) @type
(class name: (_) @name declarations: (_)? @body @in) @interface
(instance patterns: (type_patterns . (name) @name) declarations: (_) @body @in) @scope
(instance patterns: (type_patterns . (parens (apply constructor: (name) @name))) declarations: (_) @body @in) @scope
(instance patterns: (type_patterns . (parens (apply constructor: (apply constructor: (name) @name)))) declarations: (_) @body @in) @scope
(foreign_import signature: (signature name: (_) @name)) @function
