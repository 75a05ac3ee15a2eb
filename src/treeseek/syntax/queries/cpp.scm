; Functions and methods: defined, declared, templates.
(function_definition
  declarator: [
    (function_declarator declarator: (_) @name)
    (reference_declarator (function_declarator declarator: (_) @name))
    (pointer_declarator declarator: (function_declarator declarator: (_) @name))
    (pointer_declarator declarator: (pointer_declarator declarator: (function_declarator declarator: (_) @name)))]
  [(compound_statement) (try_statement)]? @body) @function
(template_declaration (function_definition
  declarator: [
    (function_declarator declarator: (_) @name)
    (reference_declarator (function_declarator declarator: (_) @name))
    (pointer_declarator declarator: (function_declarator declarator: (_) @name))
    (pointer_declarator declarator: (pointer_declarator declarator: (function_declarator declarator: (_) @name)))]
  (compound_statement)? @body)) @function
(declaration
  declarator: [
    (function_declarator declarator: (_) @name)
    (reference_declarator (function_declarator declarator: (_) @name))
    (pointer_declarator declarator: (function_declarator declarator: (_) @name))
    (pointer_declarator declarator: (pointer_declarator declarator: (function_declarator declarator: (_) @name)))]) @function
(field_declaration
  declarator: [
    (function_declarator declarator: (_) @name)
    (reference_declarator (function_declarator declarator: (_) @name))
    (pointer_declarator declarator: (function_declarator declarator: (_) @name))
    (pointer_declarator declarator: (pointer_declarator declarator: (function_declarator declarator: (_) @name)))]) @method
(template_declaration [(declaration
  declarator: [
    (function_declarator declarator: (_) @name)
    (reference_declarator (function_declarator declarator: (_) @name))
    (pointer_declarator declarator: (function_declarator declarator: (_) @name))
    (pointer_declarator declarator: (pointer_declarator declarator: (function_declarator declarator: (_) @name)))])
  (field_declaration declarator: (function_declarator declarator: (_) @name))]) @function

; Types and namespaces.
(namespace_definition name: (_) @name body: (_) @body @in) @namespace
(namespace_definition !name body: (_) @in)
(class_specifier name: (_) @name body: (_) @body @in) @class
(template_declaration (class_specifier name: (_) @name body: (_) @body @in)) @class
(declaration type: (class_specifier name: (_) @name body: (_) @body @in)) @class
(field_declaration type: (class_specifier name: (_) @name body: (_) @body @in)) @class
(struct_specifier name: (_) @name body: (_) @body @in) @struct
(template_declaration (struct_specifier name: (_) @name body: (_) @body @in)) @struct
(declaration type: (struct_specifier name: (_) @name body: (_) @body @in)) @struct
(field_declaration type: (struct_specifier name: (_) @name body: (_) @body @in)) @struct
(union_specifier name: (_) @name body: (_) @body @in) @struct
(template_declaration (union_specifier name: (_) @name body: (_) @body @in)) @struct
(declaration type: (union_specifier name: (_) @name body: (_) @body @in)) @struct
(field_declaration type: (union_specifier name: (_) @name body: (_) @body @in)) @struct
(enum_specifier name: (_) @name body: (_) @body) @enum
(declaration type: (enum_specifier name: (_) @name body: (_) @body)) @enum
(field_declaration type: (enum_specifier name: (_) @name body: (_) @body)) @enum
(alias_declaration name: (_) @name) @type
(template_declaration (alias_declaration name: (_) @name)) @type
(concept_definition name: (_) @name) @type
(template_declaration (concept_definition name: (_) @name)) @type
(field_declaration (storage_class_specifier "static") (type_qualifier) declarator: (field_identifier) @name) @constant
(field_declaration declarator: [
  (field_identifier) @name
  (pointer_declarator declarator: (field_identifier) @name)
  (array_declarator declarator: (field_identifier) @name)
  (reference_declarator (field_identifier) @name)]) @variable

; As in C.
(type_definition type: (struct_specifier body: (_) @body) declarator: (type_identifier) @name) @struct
(type_definition type: (union_specifier body: (_) @body) declarator: (type_identifier) @name) @struct
(type_definition type: (enum_specifier body: (_) @body) declarator: (type_identifier) @name) @enum
(type_definition declarator: [
  (type_identifier) @name
  (pointer_declarator declarator: (type_identifier) @name)
  (array_declarator declarator: (type_identifier) @name)
  (function_declarator declarator: (parenthesized_declarator (pointer_declarator declarator: (type_identifier) @name)))
  (function_declarator declarator: (type_identifier) @name)]) @type
(declaration (type_qualifier ["const" "constexpr"]) declarator: (init_declarator declarator: [
  (identifier) @name
  (array_declarator declarator: (identifier) @name)
  (pointer_declarator declarator: (identifier) @name)])) @constant
(declaration declarator: [
  (identifier) @name
  (array_declarator declarator: (identifier) @name)
  (pointer_declarator declarator: (identifier) @name)
  (init_declarator declarator: [
    (identifier) @name
    (array_declarator declarator: (identifier) @name)
    (pointer_declarator declarator: (identifier) @name)])]) @variable
(preproc_function_def name: (_) @name value: (_) @body) @function
(preproc_def name: (_) @name value: (_)) @constant
; After a macro of its own line, `namespace x {` and `class X {` read like functions without parameters; so does
; `class MACRO X {`, and then `public:` is a label.
(function_definition declarator: (identifier) @head . (ERROR (identifier) @name) body: (compound_statement) @body @in
  (#eq? @head "namespace")) @namespace
(function_definition
  declarator: (qualified_identifier scope: (_) @head (ERROR (identifier) @owner) name: (_) @name)
  body: (compound_statement) @body @in
  (#eq? @head "namespace")) @namespace
(function_definition declarator: (identifier) @head . (ERROR (identifier) @name) body: (compound_statement) @body @in
  (#eq? @head "class")) @class
(function_definition declarator: (identifier) @head . (ERROR (identifier) @name) body: (compound_statement) @body @in
  (#eq? @head "struct")) @struct
(function_definition type: (class_specifier !body) declarator: (identifier) @name body: (_) @body @in) @class
(function_definition type: (struct_specifier !body) declarator: (identifier) @name body: (_) @body @in) @struct
(function_definition declarator: (identifier) body: (compound_statement) @in)
(labeled_statement) @in
(translation_unit (compound_statement) @in)
[(preproc_ifdef) (preproc_if) (preproc_else) (preproc_elif)] @in
(linkage_specification body: (declaration_list) @in)
