"""The canonical kinds: one vocabulary for the syntax of every language."""

from __future__ import annotations

from enum import IntEnum

__all__ = ["CanonicalKind"]


class CanonicalKind(IntEnum):
    """What a node is, whatever the language calls it. The numbers are stored, so they never change their meaning."""

    UNKNOWN = 0
    ERROR = 1

    # structure
    MODULE = 2
    BLOCK = 3
    STATEMENT = 4
    EXPRESSION = 5

    # declarations
    FUNCTION = 10
    METHOD = 11
    CLASS = 12
    INTERFACE = 13
    STRUCT = 14
    ENUM = 15
    ENUM_MEMBER = 16
    TYPE_ALIAS = 17
    IMPLEMENTATION = 18
    NAMESPACE = 19
    FIELD = 20
    VARIABLE = 21
    CONSTANT = 22
    IMPORT = 23
    EXPORT = 24
    MACRO = 25
    DIRECTIVE = 26

    # parts of declarations
    PARAMETERS = 30
    PARAMETER = 31
    BASES = 32
    DECORATOR = 33
    MODIFIER = 34

    # types
    TYPE = 40
    TYPE_PARAMETERS = 41
    TYPE_ARGUMENTS = 42

    # expressions
    NAME = 50
    SELF = 51
    MEMBER = 52
    INDEX = 53
    CALL = 54
    ARGUMENTS = 55
    ARGUMENT = 56
    NEW = 57
    UNARY = 58
    BINARY = 59
    ASSIGNMENT = 60
    CONDITIONAL = 61
    LAMBDA = 62
    AWAIT = 63
    YIELD = 64
    CAST = 65
    SPREAD = 66
    RANGE = 67
    COMPREHENSION = 68
    PATTERN = 69

    # control flow
    IF = 80
    ELSE = 81
    SWITCH = 82
    CASE = 83
    FOR = 84
    WHILE = 85
    RETURN = 86
    BREAK = 87
    CONTINUE = 88
    GOTO = 89
    LABEL = 90
    THROW = 91
    TRY = 92
    CATCH = 93
    FINALLY = 94
    WITH = 95
    DEFER = 96

    # literals
    NUMBER = 100
    STRING = 101
    INTERPOLATION = 102
    REGEX = 103
    BOOLEAN = 104
    NULL = 105
    LIST = 106
    TUPLE = 107
    MAP = 108
    PAIR = 109
    MARKUP = 110

    # comments
    LINE_COMMENT = 120
    BLOCK_COMMENT = 121
    DOC_COMMENT = 122
