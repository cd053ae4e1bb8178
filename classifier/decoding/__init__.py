"""The one place where uploaded pictures are decoded, and what contains it.

`header.py` tells from the first segments what a picture will cost. What is evidently small and
plain is decoded by `jpeg.py` where the request is; everything else goes through `pool.py` to a
process that has nothing to lose (`child.py`), which `decoder.py` starts, feeds and ends.
"""
