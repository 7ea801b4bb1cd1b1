"""Charts of scikit-learn models, logged to the current run: `forebear.sklearn`."""
