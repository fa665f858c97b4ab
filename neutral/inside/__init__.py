"""What happens inside the network: the states of parallel sentences, layer by layer.

`states` reads them, `retrieval` asks whether a sentence's translation is its nearest neighbour, `representations`
measures how alike two languages' states are, and `curves` sets both beside the overlap of the masks.
"""
