"""Tools of the source checkout: the demo, its stories, benches and fault runs. Not in the image, not in the wheel."""
