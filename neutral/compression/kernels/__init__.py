"""Logits straight from codes, on a processor: no row is held in float32, and only the stored bytes are read.

    part.Part      stored rows of one kind: codes of some bits, numbers of 8, 4 or 16 bits, codes whose bits fall along
                   a row, or codes of vectors
    products.fits  whether these vectors can be multiplied here; if not, the method's plain code does it
    products.logits, products.rows
    loops          over rows and vectors, in LLVM's language; stretches: along a row; lanes: eight numbers
    machine        makes machine code of them: 0.1 s a kind of rows, once a process
    threads        shares work out

The plain code (`Codec.logits`) is what these must agree with, and what runs where a gradient is wanted.
`cuda` is the same for a GPU.
"""
