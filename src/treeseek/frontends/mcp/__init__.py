"""How does an agent ask, and how much of an answer does it get? Tools of the Model Context Protocol.

The protocol is the official SDK's. Here stand the tools, their arguments, and what fits into the room that there is for
an answer.
"""
