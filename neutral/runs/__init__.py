"""Long work into a study, with a file for each subject; a stopped run continues where it was.

`plans` describe runs. The study itself records what is finished (`records`): a file is written whole before the result
that follows from it, and a result line is written once. No result depends on the clock.
"""
