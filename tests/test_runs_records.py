"""The beginnings of a run's study."""

import pytest

from neutral.errors import NeutralError
from neutral.runs.records import begin


def info(seed):
    return {"task": "ner", "text": {"hashes": {"en": "a"}}, "settings": {"random": {"mask_seed": seed, "only": ""}}}


@pytest.mark.parametrize(
    ("before", "after", "said"), [(0, 1, "0, not 1"), (1, 0, "1, not 0"), (None, 0, "unset, not 0")]
)
def test_a_refused_setting_is_said_as_it_is(tmp_path, before, after, said):
    begin(tmp_path, info(before), fixed=("task",))
    with pytest.raises(NeutralError, match=f"random results were made with mask_seed {said};"):
        begin(tmp_path, info(after), fixed=("task",))
    begin(tmp_path, info(before), fixed=("task",))
