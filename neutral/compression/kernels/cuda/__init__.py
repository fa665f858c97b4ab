"""Logits and rows straight from codes, on a GPU: the stored bytes are read once, and no row is held in full.

    packed.Packed      the rows of a table as the kernels read them
    products.fits      whether these vectors can be multiplied here; if not, the method's plain code does it
    products.logits    lengths · (rows · hidden) + base
    products.rows      some rows, rebuilt
    products.sums      sums of table entries over codes of sub-vectors
    mapped.Mapped      rows in coordinates of their own, and the map that takes a model's vectors there
    programs           the kernels, in Triton's language

Triton comes with torch's builds for CUDA and is asked for nowhere else. The first logits of a process take some seconds
a kind of rows, for compiling; Triton keeps what it compiled in ~/.triton for the next process.
"""
