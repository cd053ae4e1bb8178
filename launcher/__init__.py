"""Starts the whole service from one command and keeps it running: `python -m launcher`."""
