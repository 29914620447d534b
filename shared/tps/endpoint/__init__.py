"""An ECP Endpoint: the pure rules of MADES joined with the stores, so that nothing is lost and nothing done twice."""
