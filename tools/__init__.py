"""Tools of the source checkout: demo, stories, benches and fault runs. Not in the image and not in the wheel."""
