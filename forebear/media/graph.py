"""`Graph`: the layers of a model, or any other nodes and edges, as data."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Self

import msgspec

from forebear.errors import CorruptData, InvalidInput, NotFound
from forebear.media.base import Keep, Media, Read, file_json
from forebear.media.table_types import plain_cell


class Node:
    """A node of a graph: a layer or an operation. ``None`` is what is not known."""

    def __init__(
        self,
        id: str | int | None = None,
        name: str | None = None,
        class_name: str | None = None,
        size: Any = None,
        parameters: Any = None,
        output_shape: Any = None,
        is_output: bool | None = None,
        num_parameters: int | None = None,
        **others: Any,
    ) -> None:
        """Hold what is known of the node.

        Args:
            id: Identity in its graph.
            size: Its shape of weights.
            parameters: Shapes of its parameters.
            num_parameters: How many numbers are learned in it.
            others: Anything else that JSON holds.
        """
        known = {
            "id": id,
            "name": name,
            "class_name": class_name,
            "size": size,
            "parameters": parameters,
            "output_shape": output_shape,
            "is_output": is_output,
            "num_parameters": num_parameters,
        }
        self.attributes: dict[str, Any] = {key: value for key, value in (known | others).items() if value is not None}

    @property
    def id(self) -> Any:
        """Identity in its graph."""
        return self.attributes.get("id")

    @property
    def name(self) -> Any:
        """Name for people."""
        return self.attributes.get("name")

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_") or name == "attributes":
            raise AttributeError(name)
        return self.attributes.get(name)

    def __eq__(self, other: object) -> bool:
        return self.attributes == other.attributes if isinstance(other, Node) else NotImplemented

    def __hash__(self) -> int:
        return hash(str(self.id))

    def __repr__(self) -> str:
        return f"Node({', '.join(f'{key}={value!r}' for key, value in self.attributes.items())})"


class Edge:
    """An arrow from one node to another, with attributes of its own."""

    def __init__(self, from_node: Node, to_node: Node, **attributes: Any) -> None:
        self.from_node = from_node
        self.to_node = to_node
        self.attributes = attributes

    @property
    def name(self) -> str:
        """``from_node->to_node``, unless an attribute says another."""
        return str(self.attributes.get("name") or f"{self.from_node.id}->{self.to_node.id}")

    def __eq__(self, other: object) -> bool:
        return self._identity() == other._identity() if isinstance(other, Edge) else NotImplemented

    def __hash__(self) -> int:
        return hash(self.name)

    def _identity(self) -> tuple[Any, ...]:
        return (self.from_node.id, self.to_node.id, self.attributes)

    def __repr__(self) -> str:
        return f"Edge({self.name})"


class Graph(Media):
    """Nodes and directed edges, kept as one JSON file."""

    kind = "graph-file"

    def __init__(self, format: str = "keras") -> None:
        """Begin an empty graph; ``format`` says whose words the attributes are in."""
        self.format = format
        self.nodes: list[Node] = []
        self.edges: list[Edge] = []
        self._by_id: dict[str | int, Node] = {}

    def add_node(self, node: Node | None = None, **attributes: Any) -> Node:
        """Add a node, or one of these attributes, and return it.

        Raises:
            InvalidInput: the graph has a node of that id.
        """
        node = Node(**attributes) if node is None else node
        if node.id is None:
            node.attributes["id"] = f"node_{len(self.nodes)}"
        if node.id in self._by_id:
            raise InvalidInput(f"the graph has a node {node.id!r} already; ids are given once", code="graph")
        self.nodes.append(node)
        self._by_id[node.id] = node
        return node

    def add_edge(self, from_node: Node | str | int, to_node: Node | str | int, **attributes: Any) -> Edge:
        """Add an edge between nodes of the graph, given themselves or by id, and return it.

        Raises:
            NotFound: a node is not in the graph.
        """
        edge = Edge(self._node(from_node), self._node(to_node), **attributes)
        self.edges.append(edge)
        return edge

    def _node(self, node: Node | str | int) -> Node:
        return self[node.id if isinstance(node, Node) else node]

    def __getitem__(self, id: str | int) -> Node:
        """Return the node of this id.

        Raises:
            NotFound: there is none.
        """
        if id not in self._by_id:
            raise NotFound(f"the graph of {len(self.nodes)} nodes has no node {id!r}; add_node first", code="graph")
        return self._by_id[id]

    def __len__(self) -> int:
        return len(self.nodes)

    def __iter__(self) -> Iterator[Node]:
        return iter(self.nodes)

    def to_json(self, keep: Keep) -> dict[str, Any]:
        """Return where the graph's file is, after handing it to ``keep``.

        Raises:
            InvalidInput: an attribute is nothing that JSON holds.
        """
        edges = [
            edge.attributes | {"from": edge.from_node.id, "to": edge.to_node.id, "name": edge.name}
            for edge in self.edges
        ]
        content = {"format": self.format, "nodes": [node.attributes for node in self.nodes], "edges": edges}
        # Sorted, so that equal graphs are equal files.
        kept = keep(msgspec.json.encode(plain_cell(content), order="sorted"), "graphs", ".graph.json")
        return file_json(self.kind, kept) | {"nodes": len(self.nodes), "edges": len(self.edges)}

    @classmethod
    def from_json(cls, value: Mapping[str, Any], read: Read) -> Self:
        """Return the graph that `to_json` kept."""
        try:
            content = msgspec.json.decode(read(value["path"]))
            graph = cls(content["format"])
            for attributes in content["nodes"]:
                graph.add_node(**attributes)
            for attributes in content["edges"]:
                ends = (attributes.pop("from"), attributes.pop("to"))
                graph.add_edge(*ends, **attributes)
        except (msgspec.DecodeError, KeyError, TypeError, InvalidInput) as err:
            raise CorruptData(f"the file {value.get('path')!r} is no graph: {err}", code="media-form") from err
        return graph

    def __repr__(self) -> str:
        return f"Graph({len(self.nodes)} nodes, {len(self.edges)} edges)"
