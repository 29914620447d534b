"""What is rendered from stack.yml: manifests for a cluster, and the picture of who is woken by what."""
