"""How another model comes to serve: tried on one's own pictures first, and gone back from."""
