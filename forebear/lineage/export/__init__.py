"""Exports of a graph, one module a format; `forebear.lineage.export.registry` names them all."""
