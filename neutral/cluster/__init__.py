"""Job scripts for clusters: they start Ray inside what was allotted and run a command of `neutral` on it."""
