// Reads a list of documents in one format from standard input, and writes what a program of that format found in them.
import { readFileSync } from "node:fs";
import { JSDOM } from "jsdom";

const graphOf = (graph) => ({
  nodes: graph.mapNodes((id, attributes) => ({ id, ...attributes })),
  edges: graph.mapEdges((id, attributes, source, target) => ({ ...attributes, id, source, target })),
});

async function mermaid() {
  const { window } = new JSDOM("<!doctype html><body></body>");
  Object.assign(globalThis, { window, document: window.document });
  const { default: mermaid } = await import("mermaid");
  mermaid.initialize({ startOnLoad: false, maxTextSize: Infinity, maxEdges: Infinity });
  return async (text) => {
    const { db } = await mermaid.mermaidAPI.getDiagramFromText(text);
    return {
      nodes: [...db.getVertices().values()].map(({ id, text, type, classes }) => ({ id, text, type, classes })),
      edges: db.getEdges().map(({ start, end, text, stroke }) => ({ source: start, target: end, text, stroke })),
    };
  };
}

async function parserOf(name) {
  const { MultiDirectedGraph } = await import("graphology");
  const { default: { parse } } = await import(name);
  // Left to itself the reader of GEXF takes a graph without edges for one of undirected edges too, and gives up.
  return async (text) => graphOf(parse(MultiDirectedGraph, text, { respectInputGraphType: true }));
}

async function nodeLink() {
  const { MultiDirectedGraph } = await import("graphology");
  return async (text) => {
    const document = JSON.parse(text);
    const graph = new MultiDirectedGraph();
    for (const node of document.nodes) graph.addNode(node.id, node);
    for (const edge of document.edges) graph.addDirectedEdgeWithKey(edge.key, edge.source, edge.target, edge);
    return graphOf(graph);
  };
}

async function cytoscape() {
  const { default: cytoscape } = await import("cytoscape");
  return async (text) => {
    const graph = cytoscape({ headless: true, elements: JSON.parse(text).elements });
    const found = {
      nodes: graph.nodes().map((node) => node.data()),
      edges: graph.edges().map((edge) => edge.data()),
    };
    graph.destroy();
    return found;
  };
}

const readers = {
  mermaid,
  cytoscape,
  "node-link": nodeLink,
  graphml: () => parserOf("graphology-graphml"),
  gexf: () => parserOf("graphology-gexf"),
};
const read = await readers[process.argv[2]]();
const answers = [];
for (const text of JSON.parse(readFileSync(0, "utf-8"))) answers.push(await read(text));
process.stdout.write(JSON.stringify(answers));
