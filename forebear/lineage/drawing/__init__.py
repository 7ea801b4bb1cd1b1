"""Layered drawing of a graph from left to right: layers, order within them, places, in that order.

The method is that of Sugiyama, Tagawa and Toda (1981), "Methods for visual understanding of hierarchical system
structures". Everything here works on plain indexes 0 … n-1, so that it is fast and knows nothing of lineage.
"""
