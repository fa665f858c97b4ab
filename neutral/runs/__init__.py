"""Long work into a study, so that a stopped run goes on where it was: a file a subject.

`plans` say what can be asked. What is finished is told by the study itself (`records`): a file is written whole before
the result that follows from it, and a result line is written once. Nothing that depends on the clock is stored in the
results.
"""
