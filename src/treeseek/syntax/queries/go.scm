(function_declaration name: (_) @name body: (_)? @body) @function
(method_declaration
  receiver: (parameter_list (parameter_declaration type: (_) @owner))
  name: (_) @name body: (_)? @body) @method
(type_declaration . (type_spec name: (_) @name type: (struct_type (field_declaration_list) @body)) .) @struct
(type_declaration . (type_spec name: (_) @name type: (interface_type) @body @in) .) @interface
(type_declaration . (type_spec name: (_) @name) .) @type
(type_declaration . (type_alias name: (_) @name) .) @type
(type_declaration (type_spec name: (_) @name type: (struct_type (field_declaration_list) @body)) @struct)
(type_declaration (type_spec name: (_) @name type: (interface_type) @body @in) @interface)
(type_declaration (type_spec name: (_) @name) @type)
(type_declaration (type_alias name: (_) @name) @type)
(method_elem name: (_) @name) @method
(const_declaration "const" . (const_spec name: (identifier) @name)) @constant
(const_declaration "(" (const_spec name: (identifier) @name) @constant)
(var_declaration "var" . (var_spec name: (identifier) @name)) @variable
(var_declaration (var_spec_list (var_spec name: (identifier) @name) @variable))
