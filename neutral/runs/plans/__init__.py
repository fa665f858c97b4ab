"""Plans of long runs: for each a dataclass, its check, and the settings that decide its results."""
