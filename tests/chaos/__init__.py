"""Nothing lost, whatever dies: the whole service under load, while its parts are killed, frozen,
cut off and starved, in an order that a seed replays. `make chaos` runs it; docs/promises.md says
what it shows."""
