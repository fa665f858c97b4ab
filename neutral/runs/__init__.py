"""Long work into a study, so that a stopped run goes on where it was: a file a subject.

`plans` describe runs. The study itself records what is finished (`records`): a file is written whole before the result
that follows from it, and a result line is written once. No result depends on the clock.
"""
