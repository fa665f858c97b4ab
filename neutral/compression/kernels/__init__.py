"""Logits straight from codes, on a processor: no row is held in float32, and only the stored bytes are read.

    part.Part      stored rows of one kind: codes of some bits, or numbers of 8, 4 or 16 bits
    products.fits  whether these vectors can be multiplied here; if not, the method's plain code does it
    products.logits, products.rows
    lookups.sums   sums of table entries over codes of sub-vectors
    lanes, loops   the inner loops in LLVM's language
    machine        makes machine code of them: 0.1 s a kind of rows, once a process
    threads        shares work out

The plain code (`Codec.logits`) is what these must agree with, and what runs where a gradient is wanted.
`cuda` is the same for a GPU.
"""
