"""The ECP Component Directory: components, applications, certificates and message paths."""
