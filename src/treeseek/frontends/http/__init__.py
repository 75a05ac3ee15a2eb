"""How is it asked over HTTP? Requests in; the documents of `docs/json.md` out, as `docs/http.md` describes.

It knows nothing of how files are walked, cut, stored or ranked, and nothing of the other frontends: `launch` puts them
together.
"""
