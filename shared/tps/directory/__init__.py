"""The Component Directory: components, applications, certificates and message paths."""
