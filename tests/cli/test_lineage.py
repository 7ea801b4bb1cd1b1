from __future__ import annotations

import hashlib
import json
import zipfile
from pathlib import Path

import pytest

import forebear
from forebear.records.history import Branch
from forebear.records.lineage import EdgeKind


def tree(text: str) -> list[str]:
    """Lines of a tree without the names of runs, which are drawn by lot."""
    return [
        " ".join(line.split()[:-1]) if line.split()[-1].count("-") == 2 else line.rstrip() for line in text.splitlines()
    ]


def test_up_draws_a_tree(cli, pipeline):
    answer = cli("lineage", "up", "model:v1")
    assert tree(answer.out) == [
        "model:v1  stale  latest  model",
        "made from  2 versions, 3 runs",
        "└─ train stale",
        "   └─ split:v0  stale  latest  dataset",
        "└─ prepare stale",
        "         └─ digits:v0  old  prod  dataset",
        "└─ cli",
    ]


def test_up_in_json_is_a_record_a_line(cli, pipeline):
    records = cli("lineage", "up", "model:v1", "--json").json_lines()
    assert [record["distance"] for record in records] == [1, 2, 3, 4, 5]
    assert records[0]["id"] == f"local/p/{pipeline['train2']}"
    assert records[3]["id"] == "local/p/digits:v0"
    assert records[3]["outdated"] is True
    assert records[1]["stale"] is True
    assert cli("lineage", "up", "model:v1", "-q").lines[1] == "local/p/split:v0"


def test_down_draws_what_was_seen_before_once(cli, pipeline):
    answer = cli("lineage", "down", "digits:v0")
    assert answer.lines[1] == "led to  4 versions, 4 runs"
    assert sum("evaluate" in line for line in answer.lines) == 2
    assert sum("shown above" in line for line in answer.lines) == 1
    assert sum("report:v0" in line for line in answer.lines) == 1


def test_depth_and_type(cli, pipeline):
    assert cli("lineage", "down", "digits:v0", "--depth", "2", "-q").lines == [
        f"local/p/{pipeline['prepare']}",
        f"local/p/{pipeline['evaluate']}",
        "local/p/split:v0",
        "local/p/report:v0",
    ]
    answer = cli("lineage", "down", "digits:v0", "--type", "model")
    assert answer.lines[2].split()[:2] == ["STEPS", "NAME"]
    assert [line.split()[:4] for line in answer.lines[3:]] == [["4", f"model:v{n}", "model", "stale"] for n in (0, 1)]
    assert "--depth" in cli("lineage", "down", "digits", "--depth", "0", status=2).err


def test_a_run_is_a_node_too(cli, pipeline):
    answer = cli("lineage", "up", f"run:{pipeline['evaluate']}", "-q")
    assert "local/p/model:v1" in answer.lines
    assert "no run 'nix'" in cli("lineage", "up", "run:nix", status=3).err


def test_a_collection_may_be_called_run(cli, data):
    cli("artifact", "put", data, "-n", "run")
    assert cli("lineage", "up", "run:v0").lines[0].startswith("run:v0")
    assert "no alias 'nope'" in cli("lineage", "up", "run:nope", status=3).err


def test_show_has_both_directions(cli, pipeline):
    answer = cli("lineage", "show", "split")
    assert "made from  1 version, 2 runs" in answer.lines
    assert "led to  3 versions, 3 runs" in answer.lines
    record = cli("lineage", "show", "split", "--json").json()
    assert record["node"]["id"] == "local/p/split:v0"
    assert record["node"]["stale"] is True
    assert [step["label"] for step in record["upstream"] if step["kind"] == "artifact"] == ["digits:v0"]
    assert {step["label"] for step in record["downstream"] if step["kind"] == "artifact"} == {
        "model:v0",
        "model:v1",
        "report:v0",
    }
    ids = {record["node"]["id"], *(step["id"] for side in ("upstream", "downstream") for step in record[side])}
    assert all(edge["source"] in ids and edge["target"] in ids for edge in record["edges"])


def test_ends_of_the_lineage(cli, data):
    cli("artifact", "put", data)
    assert "led to nothing yet" in cli("lineage", "down", "data").out
    artifact = forebear.Artifact("lone", "dataset")
    artifact.add(b"x", "x")
    artifact.save()
    assert "made from nothing that is known" in cli("lineage", "up", "lone").out


def test_what_was_reproduced_or_fed_back_is_marked(cli, data):
    cli("artifact", "put", data)
    cli("artifact", "put", data)
    answer = cli("lineage", "up", "data")
    assert sum("reproduced" in line for line in answer.lines) == 1
    with forebear.init(id="loop") as run:
        draft = forebear.Artifact("looped", "dataset")
        draft.add(b"x", "x")
        run.log_artifact(draft)
        run.use_artifact("looped:v0")
    assert "fed back" in cli("lineage", "down", "looped").out


def test_what_was_forked_or_rewound_is_marked(cli, data):
    cli("artifact", "put", data)
    with forebear.init(id="first") as run:
        run.use_artifact("data:v0")
        first = run.store.catalog.run(run.entity, run.project, run.id)
    with forebear.init(id="second") as run:
        run.use_artifact("data:v0")
        catalog = run.store.catalog
        second = catalog.run(run.entity, run.project, run.id)
        catalog.add_branch(second.key, Branch(0, first.key, 0, 3, first.created_at), kind=EdgeKind.FORKED)
        catalog.add_branch(second.key, Branch(0, second.key, 0, 3, first.created_at), kind=EdgeKind.REWOUND)
    answer = cli("lineage", "up", "run:second")
    assert [word for line in answer.lines for word in ("forked", "rewound") if word in line] == ["forked", "rewound"]
    steps = cli("lineage", "up", "run:second", "--json").json_lines()
    assert {step["aside"] for step in steps} == {None, "forked"}
    assert "forked" in cli("lineage", "show", "run:first").out
    assert "rewound" in cli("lineage", "show", "run:second").out


def test_a_long_line_of_descent_is_cut_on_a_terminal_but_complete_in_json(cli):
    cli("init")
    for number in range(40):
        with forebear.init(job_type="step") as run:
            if number:
                run.use_artifact(f"a{number - 1}")
            draft = forebear.Artifact(f"a{number}", "dataset")
            draft.add(str(number), "n")
            run.log_artifact(draft)
    answer = cli("lineage", "up", "a39")
    assert len(cli("lineage", "up", "a39", "--json").lines) == 79
    from forebear.cli.layout import plain, width_of
    from forebear.cli.output import Screen

    lines = list(answer.view.lines(Screen(60, forebear.Api().runs()[0].created_at)))
    assert "goes on" in plain(lines[-1])
    assert max(width_of(spans) for spans in lines) <= 60


def test_path(cli, pipeline):
    answer = cli("lineage", "path", "model:v0", "digits:v0")
    assert [line.split()[-2] if "-" in line.split()[-1] else line.split()[0] for line in answer.lines][0] == "digits:v0"
    (record,) = cli("lineage", "path", "digits:v0", "model:v0", "--json").json_lines()
    assert record["length"] == 4
    assert [node["label"] for node in record["nodes"] if node["kind"] == "artifact"] == [
        "digits:v0",
        "split:v0",
        "model:v0",
    ]
    assert [edge["kind"] for edge in record["edges"]] == ["used", "logged", "used", "logged"]
    assert cli("lineage", "path", "digits:v0", "model:v0", "-q").lines[0].startswith("local/p/digits:v0 local/p/")


def test_every_path(cli, pipeline):
    records = cli("lineage", "path", "digits:v0", "report", "--all", "--json").json_lines()
    assert sorted(record["length"] for record in records) == [2, 6]
    assert "" in cli("lineage", "path", "digits:v0", "report", "--all").lines


def test_no_path(cli, pipeline):
    answer = cli("lineage", "path", "model:v0", "model:v1", status=3)
    assert "neither model:v0 nor model:v1 was made from the other; both come from split:v0" in answer.err
    assert "nothing in common" in cli("lineage", "path", "digits:v1", "model:v1", status=3).err


def test_impact_of_a_file(cli, pipeline):
    answer = cli("lineage", "impact", "data/images/3.png")
    assert "v0–v1" in answer.out
    record = cli("lineage", "impact", "data/images/3.png", "--json").json()
    digest = forebear.Api().artifact("digits").get_entry("images/3.png").digest
    assert record["digest"] == digest
    assert record["file"] == "data/images/3.png"
    assert [version["id"] for version in record["versions"]] == ["local/p/digits:v0", "local/p/digits:v1"]
    assert {step["label"] for step in record["downstream"] if step["kind"] == "artifact"} == {
        "split:v0",
        "model:v0",
        "model:v1",
        "report:v0",
    }
    assert cli("lineage", "impact", digest, "--json").json()["versions"] == record["versions"]
    assert cli("lineage", "impact", digest, "-q").lines == ["local/p/digits:v0", "local/p/digits:v1"]


def test_impact_of_what_nobody_holds(cli, pipeline):
    Path("other").write_text("nobody holds this")
    assert "no version holds this file" in cli("lineage", "impact", "other").out
    assert cli("lineage", "impact", hashlib.sha256(b"x").hexdigest(), "--json").json()["versions"] == []


@pytest.mark.parametrize(
    ("what", "said"), [("nowhere", "neither a file nor a digest"), ("data", "a folder"), ("ab12", "64")]
)
def test_impact_of_what_is_neither_file_nor_digest(cli, pipeline, what, said):
    assert said in cli("lineage", "impact", what, status=2).err


def test_stale(cli, pipeline):
    answer = cli("lineage", "stale")
    assert answer.lines[0].split()[:5] == ["STALE", "TYPE", "MADE", "FROM", "NEWEST"]
    records = cli("lineage", "stale", "--json").json_lines()
    assert {record["label"] for record in records if record["kind"] == "artifact"} == {
        "split:v0",
        "model:v0",
        "model:v1",
        "report:v0",
    }
    assert records[0]["direct"] is True
    assert records[0]["reasons"][0]["used"] == "local/p/digits:v0"
    assert records[0]["reasons"][0]["newest"] == "local/p/digits:v1"
    assert "local/p/model:v0" in cli("lineage", "stale", "digits", "-q").lines


def test_nothing_is_stale(cli, pipeline):
    assert "nothing is stale" in cli("lineage", "stale", "report").out
    assert cli("lineage", "stale", "-p", "other", "--json").out == ""
    assert len(cli("lineage", "stale", "-p", "other", "--all", "-q").lines) == 8
    assert "no artifact 'nope'" in cli("lineage", "stale", "nope", status=3).err


def test_diff_of_ancestries(cli, pipeline):
    answer = cli("lineage", "diff", "model:v0", "model:v1")
    assert answer.lines[0] == "model:v0 → model:v1"
    assert [line.split() for line in answer.lines][-1] == ["train", "lr", "0.1", "0.01"]
    record = cli("lineage", "diff", "model:v0", "model:v1", "--json").json()
    assert record["shared"] == 4
    assert record["data"] == []
    (change,) = record["runs"]
    assert change["role"] == "train"
    assert change["config"] == [{"key": "lr", "old": 0.1, "new": 0.01}]
    assert "the same runs and versions" in cli("lineage", "diff", "model:v0", "model:v0").out


def test_diff_of_ancestries_with_other_data(cli, pipeline):
    with forebear.init(job_type="prepare", config={"seed": 1}) as run:
        run.use_artifact("digits:v1")
        draft = forebear.Artifact("split", "dataset")
        draft.add("new", "x")
        run.log_artifact(draft)
    answer = cli("lineage", "diff", "split:v0", "split:v1")
    assert ["digits", "v0", "v1"] in [line.split() for line in answer.lines]
    (change,) = cli("lineage", "diff", "split:v0", "split:v1", "--json").json()["data"]
    assert change["collection"] == "local/p/digits"
    assert change["change"] == "changed"
    config = cli("lineage", "diff", "split:v0", "split:v1", "--json").json()["runs"]
    assert {"key": "seed", "new": 1} in [each for item in config for each in item["config"]]


def test_as_of_a_time(cli, pipeline):
    before = forebear.Api().run(pipeline["train2"]).created_at.isoformat()
    assert "local/p/model:v1" not in cli("lineage", "down", "digits:v0", "--as-of", before, "-q").lines
    assert "local/p/model:v0" in cli("lineage", "down", "digits:v0", "--as-of", before, "-q").lines
    assert cli("lineage", "stale", "--as-of", before, "-q").out == ""
    assert "is not a time" in cli("lineage", "down", "digits:v0", "--as-of", "noon", status=2).err
    assert "did not exist before" in cli("lineage", "up", "model:v1", "--as-of", before, status=3).err
    records = json.loads(cli("lineage", "export", "--all", "-f", "node-link", "--as-of", before).out)
    assert "local/p/model:v1" not in [node["id"] for node in records["nodes"]]


NODES = 12


@pytest.mark.parametrize(
    ("format", "begins"),
    [
        ("mermaid", "flowchart"),
        ("dot", "digraph"),
        ("graphml", "<?xml"),
        ("gexf", "<?xml"),
        ("svg", "<svg"),
        ("cytoscape", "{"),
    ],
)
def test_export_to_a_pipe(cli, pipeline, format, begins):
    assert cli("lineage", "export", "digits:v0", "--format", format).out.lstrip().startswith(begins)


def test_export_has_every_node(cli, pipeline):
    around = json.loads(cli("lineage", "export", "split", "-f", "node-link").out)
    assert len(around["nodes"]) == 10
    everything = json.loads(cli("lineage", "export", "--all", "-f", "node-link").out)
    assert len(everything["nodes"]) == NODES
    record = cli("lineage", "export", "--all", "--json").json()
    assert (record["format"], record["nodes"]) == ("mermaid", NODES)
    assert record["text"].startswith("flowchart")


@pytest.mark.parametrize(
    ("name", "format"),
    [
        ("g.svg", "svg"),
        ("g.gv", "dot"),
        ("g.mmd", "mermaid"),
        ("g.json", "node-link"),
        ("g.zip", "csv"),
        ("g.xyz", "mermaid"),
    ],
)
def test_export_to_a_file_takes_the_format_from_its_name(cli, pipeline, name, format):
    record = cli("lineage", "export", "--all", "-o", name, "--json").json()
    assert record["output"] == name
    assert record["format"] == format
    assert record["nodes"] == NODES
    assert record["size"] == Path(name).stat().st_size
    assert cli("lineage", "export", "--all", "-o", name).out.startswith(f"{name}  {NODES} nodes, ")


def test_export_of_binary_formats(cli, pipeline):
    answer = cli("lineage", "export", "--all", "-f", "csv", "--json", status=2)
    assert "name a file with --output" in answer.err
    cli("lineage", "export", "--all", "-f", "csv", "-o", "g")
    assert sorted(zipfile.ZipFile("g").namelist()) == ["edges.csv", "nodes.csv"]


def test_export_says_what_it_needs(cli, pipeline):
    assert "--all" in cli("lineage", "export", status=2).err
    assert "--all" in cli("lineage", "export", "digits", "--all", status=2).err
    assert "there are mermaid, dot" in cli("lineage", "export", "digits", "-f", "pdf", status=2).err
    answer = cli("lineage", "export", "digits", "-o", "no/such/folder.svg", status=1)
    assert answer.err == "forebear: error: No such file or directory: no/such/folder.svg\n"


def test_only_algorithms_load_networkx(pipeline):
    import subprocess
    import sys

    code = (
        "import sys; from forebear.cli import main; status = main(sys.argv[1:]); "
        "sys.exit(status or ('networkx' in sys.modules and 'networkx was loaded'))"
    )
    for words in (["lineage", "show", "split"], ["lineage", "stale"], ["lineage", "export", "split"], ["run", "ls"]):
        done = subprocess.run([sys.executable, "-c", code, *words], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
