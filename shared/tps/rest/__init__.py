"""The REST kit: routes, bodies, submission, paging, waiting and tagging, independent of the web framework."""
