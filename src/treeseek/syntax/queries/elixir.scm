; Definitions are calls: the word that is called decides (Language.keywords).
(call target: (identifier) @keyword (arguments . (alias) @name) (do_block)? @body @in) @definition
(call target: (identifier) @keyword (arguments . [
  (identifier) @name
  (call target: (identifier) @name)
  (binary_operator left: (identifier) @name operator: "when")
  (binary_operator left: (call target: (identifier) @name) operator: "when")
  (binary_operator operator: ["+" "-" "*" "/" "++" "--" "<>" "|>" "==" "!=" "<" ">" "<=" ">=" "&&&" "|||" "~>" "<~" ".." "in"] @name)]) (do_block)? @body) @definition
(unary_operator operator: "@") @attribute
