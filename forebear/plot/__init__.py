"""Charts kept as data plus a Vega-Lite specification: `forebear.plot`."""
