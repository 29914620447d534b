"""The REST kit: routes, bodies, submission, paging, waiting and tagging. No web framework shows through."""
