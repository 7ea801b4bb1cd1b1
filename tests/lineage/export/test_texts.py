"""What single formats do with the texts that have broken them."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from forebear.lineage.export import csv_tables, dot, mermaid
from forebear.lineage.export.rows import rows_of, utf8_text, xml_escaped, xml_text
from forebear.lineage.model import GraphData
from forebear.testing.graphs import edge, line_of, run_info, version_info


def alone(label: str, type: str | None = None) -> GraphData:
    return GraphData((version_info(0, label, type=type),), ())


def test_dot_quotes_ids_with_colons():
    """Unquoted, ``data:v1`` would be port v1 of a node data, and every version of data one node."""
    written = dot.write(GraphData((version_info(1), run_info(1)), (edge(version_info(1), run_info(1)),)))
    assert '"team/digits/data:v1" -> "team/digits/r1"' in written
    assert "data:v1" not in re.sub(r'"(\\.|[^"\\])*"', "", written)


def test_mermaid_has_no_word_of_its_own_as_id():
    """A node called end ends the chart, one called graph begins another."""
    for word in ("end", "graph", "subgraph", "style", "o", "x", "default"):
        assert mermaid.encode_id(word) == f"n_{word}"


@given(st.text())
def test_ids_of_mermaid_can_be_read_back(text: str):
    coded = mermaid.encode_id(text)
    assert re.fullmatch(r"n_[A-Za-z0-9_]*", coded)
    assert mermaid.decode_id(coded) == text


def test_ids_of_mermaid_stay_apart():
    assert mermaid.encode_id("a_2f_b") != mermaid.encode_id("a/b")
    assert mermaid.decode_id(mermaid.encode_id("a_2f_b__c/_")) == "a_2f_b__c/_"


@pytest.mark.parametrize(
    ("label", "written"),
    [
        ("data:v1", '["data:v1"]'),
        ('a "b" [c]', '["a #34;b#34; #91;c#93;"]'),
        ("one\r\ntwo", '["one<br/>two"]'),
        ("style:v1 #x;", '["style#58;v1 #35;x#59;"]'),
        ("1. first", '["#49;. first"]'),
        ("", '["data:v0"]'),
    ],
)
def test_labels_of_mermaid(label: str, written: str):
    assert f"n_team_2f_digits_2f_data_3a_v0{written}:::artifact" in mermaid.write(alone(label))


def test_stale_nodes_have_a_class_in_mermaid():
    node = version_info(1)
    assert "class n_team_2f_digits_2f_data_3a_v1 stale" in mermaid.write(
        GraphData((node,), (), stale=frozenset({node.key}))
    )


def test_what_xml_cannot_hold_is_replaced():
    assert xml_text("a\0b\x1b[1m\ufffe\ud800\x85 🦊\t\n\r") == "a\ufffdb\ufffd[1m\ufffd\ufffd\x85 🦊\t\n\r"
    assert xml_escaped('<a href="&">\r\n') == "&lt;a href=&quot;&amp;&quot;&gt;&#13;&#10;"
    assert utf8_text("\0 \ud800") == "\0 \ufffd"


def test_ids_made_equal_by_cleaning_get_numbers():
    graph = GraphData((version_info(1), version_info(2), version_info(3)), (edge(version_info(3), version_info(1)),))
    nodes, edges = rows_of(graph, lambda text: text[:-1])
    assert [node.id for node in nodes] == ["team/digits/data:v", "team/digits/data:v~2", "team/digits/data:v~3"]
    assert (edges[0].source, edges[0].target) == ("team/digits/data:v~3", "team/digits/data:v")


def test_tables_have_a_header_even_when_empty():
    assert csv_tables.tables(GraphData((), ())) == (
        "id,kind,label,type,state,created_at,aliases\r\n",
        "id,source,target,kind,at,use_as\r\n",
    )
    nodes, edges = csv_tables.tables(line_of(3))
    assert nodes.splitlines()[1].startswith(
        "team/digits/data:v0,artifact,data:v0,dataset,COMMITTED,2026-01-01T00:00:00"
    )
    assert edges.splitlines()[1].startswith("e0,team/digits/data:v0,team/digits/r1,used,")
