"""What does a person see who asks in a browser? The page that the server hands out: plain files, no build, no library.

Nothing here is Python. `index.html` names the rest; each script says in its first line what question it answers. The
page knows the HTTP API and nothing else. It shows what stands in repositories as text only, whatever it looks like.
"""
