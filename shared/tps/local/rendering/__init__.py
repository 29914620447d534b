"""Rendering from stack.yml and RAML: manifests of a cluster, the dataflow page, OpenAPI and contract pages."""
