"""What can be asked of a long run: a dataclass each, with its check and the settings that decide its results."""
