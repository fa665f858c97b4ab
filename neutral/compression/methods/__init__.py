"""The methods that compress a token table, a file each; `neutral.compression.fit` calls them by name."""
