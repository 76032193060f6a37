"""Running notebooks and stages: parameters, fingerprints of code, papermill, HTML reports, provenance."""
