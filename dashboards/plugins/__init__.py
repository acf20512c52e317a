"""What Datasette loads: the hooks that add the pages of histories to it."""
