"""The same network behind LitServe, BentoML and a plain FastAPI app, asked by the same clients as
Kadr: `make bench-peers`. They have a virtual environment of their own, `.venv` in this folder."""
