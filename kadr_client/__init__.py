"""Kadr from a terminal. Needs Python 3.11 and nothing else: copy this folder anywhere and run
`python -m kadr_client --help` beside it."""

VERSION = "0.1.0"
