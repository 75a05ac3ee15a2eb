(function_item name: (_) @name body: (_) @body) @function
(function_signature_item name: (_) @name) @function
(impl_item type: (_) @name body: (_) @body @in) @scope
(trait_item name: (_) @name body: (_) @body @in) @interface
(struct_item name: (_) @name body: (_)? @body) @struct
(union_item name: (_) @name body: (_) @body) @struct
(enum_item name: (_) @name body: (_) @body) @enum
(type_item name: (_) @name) @type
(associated_type name: (_) @name) @type
(mod_item name: (_) @name body: (_) @body @in) @module
(const_item name: (_) @name) @constant
(static_item name: (_) @name) @constant
(macro_definition name: (_) @name . (macro_rule)? @body) @function
(foreign_mod_item body: (_) @in)
(attribute_item) @attribute
; Macros that wrap items, as cfg_if! does, hold tokens and not items: nothing to find there.
