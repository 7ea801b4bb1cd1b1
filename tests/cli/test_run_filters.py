from __future__ import annotations

import pytest

from forebear.cli.run_filters import read_condition, read_conditions
from forebear.errors import InvalidInput
from forebear.records.queries import And, Compare, Not, Or

DAY = 86_400_000_000
NEW_YEAR = 1_767_225_600_000_000


@pytest.mark.parametrize(
    ("text", "condition"),
    [
        ("state=finished", Compare("state", "eq", "finished")),
        ("state=failed,crashed", Compare("state", "in", ("failed", "crashed"))),
        ("summary.acc>0.9", Compare("summary.acc", "gt", 0.9)),
        ("summary_metrics.acc >= 1", Compare("summary.acc", "gte", 1)),
        ("config.lr<=1e-2", Compare("config.lr", "lte", 0.01)),
        ("config.net.layers<3", Compare("config.net.layers", "lt", 3)),
        ("config.debug=true", Compare("config.debug", "eq", True)),
        ("config.opt==adam", Compare("config.opt", "eq", "adam")),
        ('config.version="12"', Compare("config.version", "eq", "12")),
        ('config.words="a,b"', Compare("config.words", "eq", "a,b")),
        ("config.seed=1,2", Compare("config.seed", "in", (1, 2))),
        ("config.list=[1]", Compare("config.list", "eq", "[1]")),
        ("config.path=a=b", Compare("config.path", "eq", "a=b")),
        ("tag=best", Compare("tags", "eq", "best")),
        ("tag!=best", Not(Compare("tags", "eq", "best"))),
        ("name~^brave", Compare("name", "regex", "^brave")),
        ("name!~fox$", Not(Compare("name", "regex", "fox$"))),
        ("id=12", Compare("id", "eq", "12")),
        ("exit_code=1", Compare("exit_code", "eq", 1)),
        ("summary.acc", Compare("summary.acc", "exists", True)),
        ("!summary.acc", Not(Compare("summary.acc", "exists", True))),
        ("config.x=null", Compare("config.x", "eq", None)),
        ("started>2026-01-01", Compare("created_at", "gt", NEW_YEAR)),
        ("created_at=2026-01-01T00:00", Or((Compare("created_at", "eq", NEW_YEAR),))),
        (
            "started=2026-01-01",
            Or((And((Compare("created_at", "gte", NEW_YEAR), Compare("created_at", "lt", NEW_YEAR + DAY))),)),
        ),
    ],
)
def test_conditions(text, condition):
    assert read_condition(text)[0] == condition


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "is no condition; write a condition as FIELD=VALUE"),
        ("!", "is no condition"),
        ("acc>1", "there is no field 'acc' to filter or sort runs by; there are config.<key>, summary_metrics.<key>"),
        ("state=done", "there is no state 'done'; there are running, finished"),
        ("name~(", "'(' is no regular expression"),
        ("started>soon", "'soon' is not a time"),
    ],
)
def test_what_is_no_condition(text, said):
    with pytest.raises(InvalidInput) as caught:
        read_condition(text)
    assert said in str(caught.value)


def test_several_hold_together_and_name_their_fields():
    condition, fields = read_conditions(["state=finished", "summary.acc>0.5"])
    assert condition == And((Compare("state", "eq", "finished"), Compare("summary.acc", "gt", 0.5)))
    assert fields == ["state", "summary.acc"]
    assert read_conditions([]) == (And(()), [])
